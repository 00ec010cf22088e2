"""SHaRPose-Base with the fine stage alone (None-Fine in Table 8)."""

_base_ = ["td-hm_sharpose-base_udp-4xb64-210e_coco-256x192.py"]

default_hooks = dict(quality=None)  # no quality is predicted

model = dict(
    backbone=dict(
        _delete_=True,
        type="SHaRPoseOneStage",
        arch="base",
        num_keypoints=17,
        input_size=_base_.codec.input_size,
        scale=1.0,
    ),
)
