"""SHaRPose-Base with 50 per cent of the patches refined (Table 6a)."""

_base_ = ["td-hm_sharpose-base_udp-4xb64-210e_coco-256x192.py"]

model = dict(
    backbone=dict(alpha=0.5),
)
