"""3Block+3FSM, K=256, on LSPET at 128x96 with FSMs that don't shift, so without offsets to learn."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_6e.py",
    "../../_base_/models/ssn_3block.py",
    "../../_base_/datasets/lspet_128x96.py",
]

model = dict(backbone=dict(shifting=False), head=dict(out_channels=14, decoder=_base_.codec))
train_dataloader = dict(batch_size=32, dataset=dict(indices=2560))
train_cfg = dict(val_interval=3)
default_hooks = dict(insertion=dict(type="DelayedInsertionHook", begin=100))
find_unused_parameters = True  # on several GPUs: FSMs have no gradient until they are inserted
