"""The wider naive Lite-HRNet-18 of Table 4: MMPose's Lite-HRNet with the plain shuffle block."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_210e.py",
    "../../_base_/models/litehrnet-18.py",
    "../../_base_/datasets/coco_256x192.py",
]

model = dict(
    backbone=dict(extra=dict(stages_spec=dict(module_type=("NAIVE", "NAIVE", "NAIVE")))),
    head=dict(decoder=_base_.codec),
)
