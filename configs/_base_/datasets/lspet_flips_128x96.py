"""LSPET at 128x96 as in `lspet_128x96.py`, with flips and a little scaling as all the augmentation.

For transformers from scratch: a few epochs learn more from fewer kinds of images.
"""

_base_ = ["lspet_128x96.py"]

codec = dict(type="MSRAHeatmap", input_size=(96, 128), heatmap_size=(24, 32), sigma=2)

train_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="RandomFlip", direction="horizontal"),
    dict(type="RandomBBoxTransform", shift_prob=0, rotate_prob=0, scale_factor=(0.85, 1.15)),
    dict(type="TopdownAffine", input_size=codec["input_size"]),
    dict(type="GenerateTarget", encoder=codec),
    dict(type="PackPoseInputs"),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
