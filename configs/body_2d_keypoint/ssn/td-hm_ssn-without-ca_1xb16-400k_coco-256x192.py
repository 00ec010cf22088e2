"""SSN without the correlation attention (Table 1)."""

_base_ = [
    "../../_base_/iter_runtime.py",
    "../../_base_/schedules/ssn_400k.py",
    "../../_base_/models/ssn.py",
    "../../_base_/datasets/coco_ssn_256x192.py",
]

model = dict(backbone=dict(attention=None), head=dict(decoder=_base_.codec))
default_hooks = dict(insertion=dict(type="DelayedInsertionHook", begin=6000))
