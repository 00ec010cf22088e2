"""Rendered persons at 128x96 (HxW) with heatmaps of half the input; see `synthetic_128x96.py`."""

_base_ = ["synthetic_128x96.py"]

codec = dict(type="BlurredMSRAHeatmap", input_size=(96, 128), heatmap_size=(48, 64), sigma=2, blur_kernel_size=11)

train_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="RandomFlip", direction="horizontal"),
    dict(type="RandomBBoxTransform", shift_prob=0.0, rotate_prob=0.0, scale_factor=(0.9, 1.1)),
    dict(type="TopdownAffine", input_size=codec["input_size"]),
    dict(type="GenerateTarget", encoder=codec),
    dict(type="PackPoseInputs"),
]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
