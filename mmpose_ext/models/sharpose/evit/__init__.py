"""EViT with keypoint tokens, the baseline of SHaRPose's Table 7 that prunes by attention.

Y. Liang, C. Ge, Z. Tong, Y. Song, J. Wang, P. Xie: EViT: Expediting Vision Transformers via Token Reorganizations,
ICLR 2022, https://arxiv.org/abs/2202.07800.
"""

from mmpose_ext.models.sharpose.evit.backbone import SHaRPoseEViT
from mmpose_ext.models.sharpose.evit.reorganization import reorganize

__all__ = ["SHaRPoseEViT", "reorganize"]
