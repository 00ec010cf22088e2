"""X-HRNet: Towards Lightweight Human Pose Estimation with Spatially Unidimensional Self-Attention.

Y. Zhou, X. Wang, X. Xu, L. Zhao, J. Song, ICME 2022, https://doi.org/10.1109/ICME52920.2022.9859751.

A high-resolution network for edge devices. Its block is the shuffle block of Lite-HRNet, in which both pointwise
convolutions give way to an attention vector over the height and one over the width (SUSA): a cross, the X of the
name. The paper puts a SUSA at 4% of the convolution that it replaces, by a counter that leaves out the matrix products
of the attention. By all multiply-accumulates it is 8% at 256x192 and 6% at 384x288.
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
