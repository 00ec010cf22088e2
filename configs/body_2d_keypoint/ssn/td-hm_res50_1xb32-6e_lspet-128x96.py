"""MMPose's ResNet-50 on LSPET at 128x96, from scratch, with the recipe of SSN beside it."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_6e.py",
    "../../_base_/models/res50.py",
    "../../_base_/datasets/lspet_128x96.py",
]

model = dict(head=dict(out_channels=14, decoder=_base_.codec))
train_dataloader = dict(batch_size=32, dataset=dict(indices=2560))
train_cfg = dict(val_interval=3)
