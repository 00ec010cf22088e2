"""SFM with a head on both outputs; a leaf sets the decoder and, for an ablation, what the backbone leaves out."""

model = dict(
    type="TopdownPoseEstimator",
    data_preprocessor=dict(
        type="PoseDataPreprocessor", mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True
    ),
    backbone=dict(type="SFM", arch="sfm"),
    head=dict(
        type="SFMHead",
        in_channels=48,
        out_channels=17,
        loss=dict(type="KeypointMSELoss", use_target_weight=True),
    ),
    test_cfg=dict(flip_test=True, flip_mode="heatmap", shift_heatmap=True),
)
