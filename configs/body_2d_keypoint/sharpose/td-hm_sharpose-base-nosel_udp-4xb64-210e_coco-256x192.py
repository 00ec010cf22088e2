"""SHaRPose-Base with all patches refined: alpha 1 in Table 6a, Coarse-NoSel-Fine in Table 8."""

_base_ = ["td-hm_sharpose-base_udp-4xb64-210e_coco-256x192.py"]

model = dict(
    backbone=dict(alpha=1.0),
)
