"""BDMP-SCANet: Bi-directional Message Passing Based SCANet for Human Pose Estimation.

L. Zhou, Y. Chen, J. Wang, M. Tang, H. Lu, National Laboratory of Pattern Recognition, Chinese Academy of Sciences.

Newell's stacked hourglass, each of whose stacks lets its four resolutions exchange messages, widens the context of what
comes out, and weights channels and positions, the latter by an attention map that Gumbel-softmax sampling makes sharp.
"""

from mmpose_ext.models.scanet.backbone import BDMPSCANet, StackedHourglass
from mmpose_ext.models.scanet.channel_attention import SemanticsAwareChannelAttention, SemanticsEncoder
from mmpose_ext.models.scanet.hourglass import Hourglass, PreActivationResidual
from mmpose_ext.models.scanet.message_passing import BiDirectionalMessagePassing, MultiScaleFeatureIntegration
from mmpose_ext.models.scanet.neck import NECKS
from mmpose_ext.models.scanet.spatial_attention import AttentionMaps, SharperSpatialAttention
from mmpose_ext.models.scanet.stack import VARIANTS, Variant

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
