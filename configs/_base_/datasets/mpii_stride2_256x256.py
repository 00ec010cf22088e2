"""MPII at 256x256 as SFM has it: heatmaps of half the input, and its augmentation; files as in `mpii_256x256.py`.

Neither sigma nor the width of the test's Gaussian filter is in the paper: sigma 4, as MMPose takes 2 at 64 pixels and
3 at 96, and the filter that fits it.
"""

_base_ = ["mpii_256x256.py"]

codec = dict(type="BlurredMSRAHeatmap", input_size=(256, 256), heatmap_size=(128, 128), sigma=4, blur_kernel_size=25)

train_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="RandomFlip", direction="horizontal"),
    dict(type="RandomHalfBody"),
    dict(type="RandomBBoxTransform", shift_prob=0, rotate_factor=30, scale_factor=(0.75, 1.25)),
    dict(type="TopdownAffine", input_size=codec["input_size"]),
    dict(type="GenerateTarget", encoder=codec),
    dict(type="PackPoseInputs"),
]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
