"""SSN's light network, 3Block+3FSM with K=256 (supplement, Table 1); a leaf sets the decoder."""

model = dict(
    type="TopdownPoseEstimator",
    data_preprocessor=dict(
        type="PoseDataPreprocessor", mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True
    ),
    backbone=dict(type="SSNResNet", depth=50, num_stages=1, out_indices=(0,), shift_channels=256, attention="sigmoid"),
    head=dict(type="SSNHead", in_channels=256, out_channels=17, predictors=("P4",), tail="norm"),
    test_cfg=dict(flip_test=True, flip_mode="heatmap", shift_heatmap=True),
)
