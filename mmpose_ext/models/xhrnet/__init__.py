"""X-HRNet: Towards Lightweight Human Pose Estimation with Spatially Unidimensional Self-Attention.

Y. Zhou, X. Wang, X. Xu, L. Zhao, J. Song, ICME 2022, https://doi.org/10.1109/ICME52920.2022.9859751.

A high-resolution network for edge devices. Its block is the shuffle block of Lite-HRNet, in which both pointwise
convolutions give way to an attention vector over the height and one over the width (SUSA): a cross, the X of the
name, at four per cent of the cost.
"""

from mmpose_ext.models.xhrnet.backbone import ARCHS, Arch, XHRNet
from mmpose_ext.models.xhrnet.multi_resolution import MultiResolutionModule
from mmpose_ext.models.xhrnet.susa import SpatiallyUnidimensionalSelfAttention
from mmpose_ext.models.xhrnet.x_shuffle import BLOCKS, ParallelSUSA, XShuffleBlock

__all__ = [
    "ARCHS",
    "BLOCKS",
    "Arch",
    "MultiResolutionModule",
    "ParallelSUSA",
    "SpatiallyUnidimensionalSelfAttention",
    "XHRNet",
    "XShuffleBlock",
]
