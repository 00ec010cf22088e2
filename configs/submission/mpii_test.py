"""`mim test` of any MPII config writes the file for MPII's server (docs/submission.md).

Files (`data/mpii/`, or `$MMPOSE_EXT_DATA/mpii/`)::

    annotations/mpii_human_pose_v1_u12_1.mat
    images/*.jpg
"""

_base_ = ["../body_2d_keypoint/{{$MMPOSE_EXT_NETWORK:sfm/td-hm_sfm_2xb16-300e_mpii-256x256.py}}"]

data_root = "{{$MMPOSE_EXT_DATA:data}}/mpii/"

test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type="MpiiTestDataset",
        data_mode="topdown",
        data_root=data_root,
        ann_file="annotations/mpii_human_pose_v1_u12_1.mat",
        data_prefix=dict(img="images/"),
        test_mode=True,
        pipeline=_base_.val_dataloader.dataset.pipeline,
    )
)
test_evaluator = dict(
    _delete_=True,
    type="MpiiUpload",
    ann_file=data_root + "annotations/mpii_human_pose_v1_u12_1.mat",
    out_dir="work_dirs/submission",
)
