"""The modules of BDMP-SCANet in MMPose's registry, for the ``neck`` of any config and as MMCV plugin layers.

Bi-directional Message Passing Based SCANet for Human Pose Estimation, sections 2.1 to 2.3.

Deviations: none here, see the modules.
"""

from __future__ import annotations

from mmpose.registry import MODELS

from mmpose_ext.models.scanet.channel_attention import SemanticsAwareChannelAttention
from mmpose_ext.models.scanet.message_passing import BiDirectionalMessagePassing, MultiScaleFeatureIntegration
from mmpose_ext.models.scanet.spatial_attention import SharperSpatialAttention

NECKS = (
    BiDirectionalMessagePassing,
    MultiScaleFeatureIntegration,
    SemanticsAwareChannelAttention,
    SharperSpatialAttention,
)
"""Registered under the names of the classes."""

for _neck in NECKS:
    MODELS.register_module(module=_neck)
