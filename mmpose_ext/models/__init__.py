"""The networks, one package per paper. Importing this registers all of them."""

from mmpose_ext.models.plugins import backbone_with_plugins
from mmpose_ext.models.scanet import (
    BDMPSCANet,
    BiDirectionalMessagePassing,
    MultiScaleFeatureIntegration,
    SemanticsAwareChannelAttention,
    SharperSpatialAttention,
    StackedHourglass,
)
from mmpose_ext.models.sfm import SFM, HighLevelSpatialAttention, SFMHead, SpatialAttention
from mmpose_ext.models.sharpose import SHaRPose, SHaRPoseEViT, SHaRPoseHead, SHaRPoseOneStage
from mmpose_ext.models.ssn import FeatureShiftModule, GlobalNet, SSNHead, SSNResNet
from mmpose_ext.models.xhrnet import XHRNet

__all__ = [
    "BDMPSCANet",
    "BiDirectionalMessagePassing",
    "FeatureShiftModule",
    "GlobalNet",
    "HighLevelSpatialAttention",
    "MultiScaleFeatureIntegration",
    "SFM",
    "SFMHead",
    "SHaRPose",
    "SHaRPoseEViT",
    "SHaRPoseHead",
    "SHaRPoseOneStage",
    "SSNHead",
    "SSNResNet",
    "SemanticsAwareChannelAttention",
    "SharperSpatialAttention",
    "SpatialAttention",
    "StackedHourglass",
    "XHRNet",
    "backbone_with_plugins",
]
