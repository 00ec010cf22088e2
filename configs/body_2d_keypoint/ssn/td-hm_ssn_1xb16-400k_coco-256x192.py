"""SSN, K=512, on COCO at 256x192 (Tables 1 and 3)."""

_base_ = [
    "../../_base_/iter_runtime.py",
    "../../_base_/schedules/ssn_400k.py",
    "../../_base_/models/ssn.py",
    "../../_base_/datasets/coco_ssn_256x192.py",
]

model = dict(head=dict(decoder=_base_.codec))
default_hooks = dict(insertion=dict(type="DelayedInsertionHook", begin=6000))
