"""The networks, one package per paper. Importing this registers all of them."""

from mmpose_ext.models.sharpose import SHaRPose, SHaRPoseHead
from mmpose_ext.models.ssn import FeatureShiftModule, GlobalNet, SSNHead, SSNResNet
from mmpose_ext.models.xhrnet import XHRNet

__all__ = ["FeatureShiftModule", "GlobalNet", "SHaRPose", "SHaRPoseHead", "SSNHead", "SSNResNet", "XHRNet"]
