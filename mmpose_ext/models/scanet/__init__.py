"""BDMP-SCANet: Bi-directional Message Passing Based SCANet for Human Pose Estimation.

L. Zhou, Y. Chen, J. Wang, M. Tang, H. Lu, ICME 2019, https://doi.org/10.1109/ICME.2019.00189.

Newell's stacked hourglass, each of whose stacks lets its four resolutions exchange messages, widens the context of what
comes out, and weights channels and positions, the latter by an attention map that Gumbel-softmax sampling makes sharp.
"""

from mmpose_ext.models.scanet.backbone import VARIANTS, BDMPSCANet, StackedHourglass, Variant
from mmpose_ext.models.scanet.channel_attention import SemanticsAwareChannelAttention, SemanticsEncoder
from mmpose_ext.models.scanet.hourglass import Hourglass, PreActivationResidual
from mmpose_ext.models.scanet.message_passing import BiDirectionalMessagePassing, MultiScaleFeatureIntegration
from mmpose_ext.models.scanet.neck import NECKS
from mmpose_ext.models.scanet.spatial_attention import AttentionMaps, SharperSpatialAttention

__all__ = [
    "NECKS",
    "VARIANTS",
    "AttentionMaps",
    "BDMPSCANet",
    "BiDirectionalMessagePassing",
    "Hourglass",
    "MultiScaleFeatureIntegration",
    "PreActivationResidual",
    "SemanticsAwareChannelAttention",
    "SemanticsEncoder",
    "SharperSpatialAttention",
    "StackedHourglass",
    "Variant",
]
