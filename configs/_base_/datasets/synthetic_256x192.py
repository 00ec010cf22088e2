"""Rendered persons (17 COCO keypoints) at 256x192 (HxW), Gaussian heatmaps with sigma 2.

Nothing to prepare: `data/synthetic/{train,val}/` (or `$MMPOSE_EXT_DATA/synthetic/...`) is rendered on first use.
"""

codec = dict(type="MSRAHeatmap", input_size=(192, 256), heatmap_size=(48, 64), sigma=2)
dataset_type = "CocoDataset"  # by it MMPose's inferencers choose a detector; they read data_mode as well
data_mode = "topdown"

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
val_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="TopdownAffine", input_size=codec["input_size"]),
    dict(type="PackPoseInputs"),
]

data_root = "{{$MMPOSE_EXT_DATA:data}}/synthetic/"

train_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(
        type="SyntheticPersonDataset",
        data_mode="topdown",
        data_root=data_root + "train/",
        generate=dict(num_persons=2000, seed=0),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type="DefaultSampler", shuffle=False, round_up=False),
    dataset=dict(
        type="SyntheticPersonDataset",
        data_mode="topdown",
        data_root=data_root + "val/",
        generate=dict(num_persons=300, seed=1),
        test_mode=True,
        pipeline=val_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type="CocoMetric")
test_evaluator = val_evaluator
