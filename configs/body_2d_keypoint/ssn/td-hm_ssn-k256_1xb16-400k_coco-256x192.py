"""SSN with K=256 (Table 1)."""

_base_ = [
    "../../_base_/iter_runtime.py",
    "../../_base_/schedules/ssn_400k.py",
    "../../_base_/models/ssn.py",
    "../../_base_/datasets/coco_ssn_256x192.py",
]

model = dict(
    backbone=dict(shift_channels=256, first_shift_channels=128),
    head=dict(decoder=_base_.codec),
)
default_hooks = dict(insertion=dict(type="DelayedInsertionHook", begin=6000))
