"""BDMP-SCANet, 4 stacks, tested on an image pyramid of six scales with flips: the setting of Table 1.

For a checkpoint of `td-hm_scanet-4s_1xb6-220e_mpii-256x256.py` or of its fine-tuning.
"""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/rmsprop_220e.py",
    "../../_base_/models/scanet.py",
    "../../_base_/datasets/mpii_pyramid_256x256.py",
]

model = dict(
    type="MultiScaleTopdownPoseEstimator",
    backbone=dict(num_stacks=4),
    head=dict(num_stages=4, decoder=_base_.codec),
    test_cfg=dict(zooms=_base_.zooms),
)
train_dataloader = dict(batch_size=6)
