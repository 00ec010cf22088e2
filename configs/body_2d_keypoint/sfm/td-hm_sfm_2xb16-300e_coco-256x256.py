"""SFM on COCO at 256x256 (Table III)."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_300e.py",
    "../../_base_/models/sfm.py",
    "../../_base_/datasets/coco_stride2_256x256.py",
]

model = dict(head=dict(decoder=_base_.codec))
train_dataloader = dict(batch_size=16)
