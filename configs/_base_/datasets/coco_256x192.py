"""COCO keypoints 2017 at 256x192 (HxW), Gaussian heatmaps with sigma 2.

Files (`data/coco/`, or `$MMPOSE_EXT_DATA/coco/`)::

    annotations/person_keypoints_{train,val}2017.json
    person_detection_results/COCO_val2017_detections_AP_H_56_person.json
    train2017/*.jpg  val2017/*.jpg

The augmentation is the one of X-HRNet and Lite-HRNet as MMPose 1.x writes it: `rotate_factor` 60 stands for
MMPose 0.x's `rot_factor=30`, which clips a normal distribution at twice the factor.
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

data_root = "{{$MMPOSE_EXT_DATA:data}}/coco/"

train_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(
        type="CocoDataset",
        data_mode="topdown",
        data_root=data_root,
        ann_file="annotations/person_keypoints_train2017.json",
        data_prefix=dict(img="train2017/"),
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
        data_root=data_root,
        ann_file="annotations/person_keypoints_val2017.json",
        bbox_file=data_root + "person_detection_results/COCO_val2017_detections_AP_H_56_person.json",
        data_prefix=dict(img="val2017/"),
        test_mode=True,
        pipeline=val_pipeline,
    ),
)
test_dataloader = val_dataloader

# Without `ann_file` the metric takes the file of the val data set, so the path stands in one place only.
val_evaluator = dict(type="CocoMetric")
test_evaluator = val_evaluator
