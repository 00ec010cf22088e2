"""SHaRPose-Base whose second stage sees the selected patches at the coarse scale again (Coarse-Coarse in Table 8).

The paper does not say which patches that stage gets; here it is all of them, each with what the first stage knows.
"""

_base_ = ["td-hm_sharpose-base_udp-4xb64-210e_coco-256x192.py"]

model = dict(
    backbone=dict(fine_scale=0.5, alpha=1.0),
)
