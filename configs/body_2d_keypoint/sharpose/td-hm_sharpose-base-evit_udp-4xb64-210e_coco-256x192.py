"""EViT-Base with the keypoint tokens, decoder and recipe of SHaRPose (EViT in Table 7).

Rate and places of the pruning are EViT's own defaults.
"""

_base_ = ["td-hm_sharpose-base_udp-4xb64-210e_coco-256x192.py"]

# no quality is predicted
default_hooks = dict(_delete_=True, **{name: hook for name, hook in _base_.default_hooks.items() if name != "quality"})

model = dict(
    backbone=dict(
        _delete_=True,
        type="SHaRPoseEViT",
        arch="base",
        num_keypoints=17,
        keep_rate=0.7,
        prune_at=(3, 6, 9),
        input_size=_base_.codec.input_size,
    ),
)
