"""The "PX" network of the official code: H-wise and W-wise SUSA side by side; in no table of the paper."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_210e.py",
    "../../_base_/models/xhrnet.py",
    "../../_base_/datasets/coco_256x192.py",
]

model = dict(
    backbone=dict(arch="30", block="parallel", input_size=_base_.codec.input_size),
    head=dict(decoder=_base_.codec),
)
