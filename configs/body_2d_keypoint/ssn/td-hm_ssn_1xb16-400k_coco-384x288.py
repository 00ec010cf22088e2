"""SSN, K=512, on COCO at 384x288 (Table 3)."""

_base_ = [
    "../../_base_/iter_runtime.py",
    "../../_base_/schedules/ssn_400k.py",
    "../../_base_/models/ssn.py",
    "../../_base_/datasets/coco_ssn_384x288.py",
]

model = dict(head=dict(decoder=_base_.codec))
default_hooks = dict(insertion=dict(type="DelayedInsertionHook", begin=6000))
