"""COCO at 256x192 (HxW) with SimCC's two one-dimensional labels (ECCV 2022); files as in `coco_256x192.py`.

A model on this data needs a SimCC head and `test_cfg=dict(shift_heatmap=False)`.
"""

_base_ = ["coco_256x192.py"]

codec = dict(type="SimCCLabel", input_size=(192, 256), sigma=6.0, simcc_split_ratio=2.0)

train_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="RandomFlip", direction="horizontal"),
    dict(type="RandomHalfBody"),
    dict(type="RandomBBoxTransform", rotate_factor=60, scale_factor=(0.75, 1.25)),
    dict(type="TopdownAffine", input_size=codec["input_size"]),
    dict(type="GenerateTarget", encoder=codec),
    dict(type="PackPoseInputs"),
]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

codec = dict(_delete_=True, **codec)  # only now: the pipelines above must not inherit the key `_delete_`
