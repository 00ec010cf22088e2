"""SHaRPose-Base with the coarse stage alone (Coarse-None in Table 8)."""

_base_ = ["td-hm_sharpose-base_udp-4xb64-210e_coco-256x192.py"]

# no quality is predicted
default_hooks = dict(_delete_=True, **{name: hook for name, hook in _base_.default_hooks.items() if name != "quality"})

model = dict(
    backbone=dict(
        _delete_=True,
        type="SHaRPoseOneStage",
        arch="base",
        num_keypoints=17,
        input_size=_base_.codec.input_size,
        scale=0.5,
    ),
)
