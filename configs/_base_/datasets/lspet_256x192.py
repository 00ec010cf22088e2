"""Leeds Sports Pose Extended (14 joints) at 256x192 (HxW), Gaussian heatmaps with sigma 2.

Files (`data/lspet/`, or `$MMPOSE_EXT_DATA/lspet/`; `mmpose-ext convert-lspet` writes them from the archive)::

    annotations/lspet_{train,val}.json
    images/00001.jpg ...

Heads need `out_channels=14`. `TorsoPCK` is the metric of the published tables on LSP. `PCKAccuracy` is normalized by
the longer side of the box, about three times as long.
"""

_base_ = ["lspet_metainfo.py"]

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

data_root = "{{$MMPOSE_EXT_DATA:data}}/lspet/"

train_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(
        type="CocoDataset",
        data_mode="topdown",
        metainfo=_base_.dataset_info,
        data_root=data_root,
        ann_file="annotations/lspet_train.json",
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
        type="CocoDataset",
        data_mode="topdown",
        metainfo=_base_.dataset_info,
        data_root=data_root,
        ann_file="annotations/lspet_val.json",
        data_prefix=dict(img="images/"),
        test_mode=True,
        pipeline=val_pipeline,
    ),
)
test_dataloader = val_dataloader

# Scores print as `coco/AP`, `torso/PCK@0.2`, `PCK@0.2 of the box/PCK`; without a prefix the last two would collide.
val_evaluator = [
    dict(type="CocoMetric"),
    dict(type="TorsoPCK"),
    dict(type="PCKAccuracy", thr=0.2, norm_item="bbox", prefix="PCK@0.2 of the box"),
    dict(type="PCKAccuracy", thr=0.1, norm_item="bbox", prefix="PCK@0.1 of the box"),
]
test_evaluator = val_evaluator
