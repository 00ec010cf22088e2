"""SHaRPose; a leaf sets the size of the network, the input size, alpha, the threshold and the decoder."""

model = dict(
    type="TopdownPoseEstimator",
    data_preprocessor=dict(
        type="PoseDataPreprocessor", mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True
    ),
    backbone=dict(type="SHaRPose", num_keypoints=17),
    head=dict(type="SHaRPoseHead", out_channels=17, loss=dict(type="KeypointMSELoss", use_target_weight=True)),
    test_cfg=dict(flip_test=True, flip_mode="heatmap", shift_heatmap=False),
)
