"""SSN with K=512 (Table 1); a leaf sets the decoder.

The ResNet begins with ImageNet weights of timm's group norm ResNet-50 (docs/papers/ssn.md has the address):
    mmpose-ext convert ssn resnet50_gn_a1h2-8fe6c4d0.pth data/pretrained/resnet50_gn.pth
With `--cfg-options model.backbone.init_cfg=None` it begins at random.
"""

model = dict(
    type="TopdownPoseEstimator",
    data_preprocessor=dict(
        type="PoseDataPreprocessor", mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True
    ),
    backbone=dict(
        type="SSNResNet",
        depth=50,
        shift_channels=512,
        first_shift_channels=256,
        init_cfg=dict(type="Pretrained", checkpoint="{{$MMPOSE_EXT_DATA:data}}/pretrained/resnet50_gn.pth"),
    ),
    neck=dict(type="GlobalNet", in_channels=(256, 512, 1024, 2048)),
    head=dict(type="SSNHead", in_channels=256, out_channels=17),
    test_cfg=dict(flip_test=True, flip_mode="heatmap", shift_heatmap=True),
)
