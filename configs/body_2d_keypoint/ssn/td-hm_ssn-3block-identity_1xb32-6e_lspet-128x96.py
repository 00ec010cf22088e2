"""3Block+3FSM on LSPET at 128x96 with the identity in place of the FSMs, and the same recipe."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_6e.py",
    "../../_base_/models/ssn_3block.py",
    "../../_base_/datasets/lspet_128x96.py",
]

model = dict(backbone=dict(shift_channels=None), head=dict(out_channels=14, decoder=_base_.codec))
train_dataloader = dict(batch_size=32, dataset=dict(indices=2560))
train_cfg = dict(val_interval=3)
