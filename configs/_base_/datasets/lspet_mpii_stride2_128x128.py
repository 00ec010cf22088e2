"""LSPET in MPII's format at 128x128 with heatmaps of 64x64, for runs on a CPU.

No half bodies: they are learned slowly.
"""

_base_ = ["lspet_mpii_stride2_256x256.py"]

codec = dict(type="BlurredMSRAHeatmap", input_size=(128, 128), heatmap_size=(64, 64), sigma=2, blur_kernel_size=11)

train_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="RandomFlip", direction="horizontal"),
    dict(type="RandomBBoxTransform", shift_prob=0, rotate_factor=30, scale_factor=(0.75, 1.25)),
    dict(type="TopdownAffine", input_size=codec["input_size"]),
    dict(type="GenerateTarget", encoder=codec),
    dict(type="PackPoseInputs"),
]
val_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="TopdownAffine", input_size=codec["input_size"]),
    dict(type="PackPoseInputs"),
]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
