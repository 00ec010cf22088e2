"""The networks, one package per paper. Importing this registers all of them."""

from mmpose_ext.models.sharpose import SHaRPose, SHaRPoseHead
from mmpose_ext.models.xhrnet import XHRNet

__all__ = ["SHaRPose", "SHaRPoseHead", "XHRNet"]
