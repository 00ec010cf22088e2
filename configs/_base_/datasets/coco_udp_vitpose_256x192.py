"""COCO at 256x192 (HxW) with UDP and the augmentation of ViTPose: scale 0.5 to 1.5, rotation up to 80 degrees.

Both are the defaults of MMPose's `RandomBBoxTransform`. The rest is `coco_udp_256x192.py`.
"""

_base_ = ["coco_udp_256x192.py"]

train_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="RandomFlip", direction="horizontal"),
    dict(type="RandomHalfBody"),
    dict(type="RandomBBoxTransform"),
    dict(type="TopdownAffine", input_size=_base_.codec.input_size, use_udp=True),
    dict(type="GenerateTarget", encoder=_base_.codec),
    dict(type="PackPoseInputs"),
]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
