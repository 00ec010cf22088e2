"""BDMP-SCANet, 1 stack, on LSPET at 128x128, tested on an image pyramid of six scales with flips."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/rmsprop_3e.py",
    "../../_base_/models/scanet.py",
    "../../_base_/datasets/lspet_mpii_pyramid_128x128.py",
]

model = dict(
    type="MultiScaleTopdownPoseEstimator",
    backbone=dict(num_stacks=1),
    head=dict(num_stages=1, decoder=_base_.codec),
    test_cfg=dict(zooms=_base_.zooms),
)
train_dataloader = dict(batch_size=8)
