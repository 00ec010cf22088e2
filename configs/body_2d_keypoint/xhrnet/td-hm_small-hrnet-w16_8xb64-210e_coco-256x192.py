"""Small HRNet-W16 of Tables 2 and 3 on COCO at 256x192; see the head of its base."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_210e.py",
    "../../_base_/models/small-hrnet-w16.py",
    "../../_base_/datasets/coco_256x192.py",
]

model = dict(head=dict(decoder=_base_.codec))
