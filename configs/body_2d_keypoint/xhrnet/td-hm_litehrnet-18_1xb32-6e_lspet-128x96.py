"""MMPose's Lite-HRNet-18 on LSPET at 128x96, with the recipe of X-HRNet beside it."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_6e.py",
    "../../_base_/models/litehrnet-18.py",
    "../../_base_/datasets/lspet_128x96.py",
]

model = dict(head=dict(out_channels=14, decoder=_base_.codec))
train_dataloader = dict(batch_size=32)
