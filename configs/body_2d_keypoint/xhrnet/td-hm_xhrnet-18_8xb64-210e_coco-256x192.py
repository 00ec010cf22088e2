"""X-HRNet-18 on COCO at 256x192 (Table 2)."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_210e.py",
    "../../_base_/models/xhrnet.py",
    "../../_base_/datasets/coco_256x192.py",
]

model = dict(backbone=dict(input_size=_base_.codec.input_size), head=dict(decoder=_base_.codec))
