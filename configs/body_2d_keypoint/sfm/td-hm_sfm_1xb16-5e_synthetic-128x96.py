"""SFM on rendered persons at 128x96, a few minutes on two CPU cores."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_5e.py",
    "../../_base_/models/sfm.py",
    "../../_base_/datasets/synthetic_stride2_128x96.py",
]

model = dict(head=dict(decoder=_base_.codec))
train_dataloader = dict(batch_size=16)
