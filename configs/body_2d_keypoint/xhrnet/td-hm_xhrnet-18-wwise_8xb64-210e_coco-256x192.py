"""X-HRNet-18 with the W-wise SUSA alone (Table 4)."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_210e.py",
    "../../_base_/models/xhrnet.py",
    "../../_base_/datasets/coco_256x192.py",
]

model = dict(
    backbone=dict(block="w-wise", input_size=_base_.codec.input_size),
    head=dict(decoder=_base_.codec),
)
