"""SHaRPose-Base with 50 per cent of the patches refined (Table 6b)."""

_base_ = ["td-hm_sharpose-base_udp-4xb64-210e_coco-384x288.py"]

model = dict(
    backbone=dict(alpha=0.5),
)
