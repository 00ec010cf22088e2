"""The backbone of SSN with early stage predictors, without FSMs (Table 1)."""

_base_ = [
    "../../_base_/iter_runtime.py",
    "../../_base_/schedules/adam_400k.py",
    "../../_base_/models/ssn.py",
    "../../_base_/datasets/coco_ssn_256x192.py",
]

model = dict(
    backbone=dict(shift_channels=None, first_shift_channels=None),
    head=dict(decoder=_base_.codec),
)
