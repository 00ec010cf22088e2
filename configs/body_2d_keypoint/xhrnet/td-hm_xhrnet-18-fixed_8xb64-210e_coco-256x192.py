"""X-HRNet-18 with the averaging vectors of the official code, (96, 72) long on every branch."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_210e.py",
    "../../_base_/models/xhrnet.py",
    "../../_base_/datasets/coco_256x192.py",
]

model = dict(
    backbone=dict(fixed_averaging=(96, 72), input_size=_base_.codec.input_size),
    head=dict(decoder=_base_.codec),
)
