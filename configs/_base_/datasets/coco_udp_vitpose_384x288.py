"""COCO at 384x288 (HxW) with UDP and the augmentation of ViTPose: scale 0.5 to 1.5, rotation up to 80 degrees.

Both are the defaults of MMPose's `RandomBBoxTransform`. Files as in `coco_256x192.py`.
"""

_base_ = ["coco_256x192.py"]

codec = dict(type="UDPHeatmap", input_size=(288, 384), heatmap_size=(72, 96), sigma=3)

train_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="RandomFlip", direction="horizontal"),
    dict(type="RandomHalfBody"),
    dict(type="RandomBBoxTransform"),
    dict(type="TopdownAffine", input_size=codec["input_size"], use_udp=True),
    dict(type="GenerateTarget", encoder=codec),
    dict(type="PackPoseInputs"),
]
val_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="TopdownAffine", input_size=codec["input_size"], use_udp=True),
    dict(type="PackPoseInputs"),
]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
