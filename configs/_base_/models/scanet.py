"""BDMP-SCANet; a leaf sets the number of stacks, twice, the variant and the decoder."""

model = dict(
    type="TopdownPoseEstimator",
    data_preprocessor=dict(
        type="PoseDataPreprocessor", mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True
    ),
    backbone=dict(type="BDMPSCANet", num_keypoints=16),
    head=dict(
        type="CPMHead",
        in_channels=16,
        out_channels=16,
        final_layer=None,  # the stacks predict the heatmaps, since each hands its own to the next
        loss=dict(type="KeypointMSELoss", use_target_weight=True),
    ),
    test_cfg=dict(flip_test=True, flip_mode="heatmap", shift_heatmap=True),
)
