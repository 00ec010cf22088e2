"""MPII Human Pose (16 joints) at 256x256, Gaussian heatmaps of 64x64 with sigma 2.

Files (`data/mpii/`, or `$MMPOSE_EXT_DATA/mpii/`)::

    annotations/mpii_{train,val}.json  annotations/mpii_gt_val.mat
    images/*.jpg

Heads need `out_channels=16`. The augmentation is that of MMPose's Lite-HRNet on MPII: no half bodies, no shifts.
"""

codec = dict(type="MSRAHeatmap", input_size=(256, 256), heatmap_size=(64, 64), sigma=2)
dataset_type = "MpiiDataset"  # by it MMPose's inferencers choose a detector; they read data_mode as well
data_mode = "topdown"

train_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="RandomFlip", direction="horizontal"),
    dict(type="RandomBBoxTransform", shift_prob=0, rotate_factor=60, scale_factor=(0.75, 1.25)),
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

data_root = "{{$MMPOSE_EXT_DATA:data}}/mpii/"

train_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(
        type="ZeroBasedMpiiDataset",
        data_mode="topdown",
        data_root=data_root,
        ann_file="annotations/mpii_train.json",
        data_prefix=dict(img="images/"),
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
        type="ZeroBasedMpiiDataset",
        data_mode="topdown",
        data_root=data_root,
        ann_file="annotations/mpii_val.json",
        headbox_file=data_root + "annotations/mpii_gt_val.mat",
        data_prefix=dict(img="images/"),
        test_mode=True,
        pipeline=val_pipeline,
    ),
)
test_dataloader = val_dataloader

# `mpii/PCKh@...` is the score. `stock/...` is what MpiiPCKAccuracy would print for this network if it had been trained
# and tested on MMPose's own MpiiDataset, one pixel off in each direction (docs/evaluation.md).
val_evaluator = [
    dict(type="MpiiPCKh", thresholds=(0.5, 0.1)),
    dict(type="MpiiPCKAccuracy", thr=0.5, norm_item="head", prefix="stock"),
]
test_evaluator = val_evaluator
