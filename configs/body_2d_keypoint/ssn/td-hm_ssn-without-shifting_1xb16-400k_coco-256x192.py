"""SSN without shifting, so without offsets to learn (Table 1)."""

_base_ = [
    "../../_base_/iter_runtime.py",
    "../../_base_/schedules/adam_400k.py",
    "../../_base_/models/ssn.py",
    "../../_base_/datasets/coco_ssn_256x192.py",
]

model = dict(backbone=dict(shifting=False), head=dict(decoder=_base_.codec))
default_hooks = dict(insertion=dict(type="DelayedInsertionHook", begin=6000))
find_unused_parameters = True  # on several GPUs: FSMs have no gradient until they are inserted
