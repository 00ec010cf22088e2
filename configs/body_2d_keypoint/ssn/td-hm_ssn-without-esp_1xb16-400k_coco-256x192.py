"""SSN without the early stage predictors (Table 1)."""

_base_ = [
    "../../_base_/iter_runtime.py",
    "../../_base_/schedules/ssn_400k.py",
    "../../_base_/models/ssn.py",
    "../../_base_/datasets/coco_ssn_256x192.py",
]

model = dict(
    neck=dict(early_stages=()),
    head=dict(predictors=("P1", "P2", "P3", "P4"), decoder=_base_.codec),
)
default_hooks = dict(insertion=dict(type="DelayedInsertionHook", begin=6000))
