"""The first run: X-HRNet-18 on rendered persons at 128x96, about five minutes on two CPU cores."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_5e.py",
    "../../_base_/models/xhrnet.py",
    "../../_base_/datasets/synthetic_128x96.py",
]

model = dict(
    backbone=dict(input_size=_base_.codec.input_size),
    head=dict(decoder=_base_.codec),
)
train_dataloader = dict(batch_size=16)
