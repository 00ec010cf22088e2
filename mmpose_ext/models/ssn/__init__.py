"""Spatial Shortcut Network for Human Pose Estimation (SSN).

T. Qi, B. Bayramli, U. Ali, Q. Zhang, H. Lu, 2019, https://arxiv.org/abs/1904.03141.

A ResNet whose blocks are joined by feature shifting modules: each shifts hundreds of channels by learned offsets, so
that a 1x1 convolution behind it sees distant places of the image at once, where an attention allows it.
"""

from mmpose_ext.models.ssn.backbone import SSNResNet
from mmpose_ext.models.ssn.correlation_attention import CorrelationAttention
from mmpose_ext.models.ssn.feature_shift_module import FeatureShiftModule
from mmpose_ext.models.ssn.head import SSNHead
from mmpose_ext.models.ssn.neck import GlobalNet
from mmpose_ext.models.ssn.predictor import Predictor
from mmpose_ext.models.ssn.shift import LearnedShift

__all__ = [
    "CorrelationAttention",
    "FeatureShiftModule",
    "GlobalNet",
    "LearnedShift",
    "Predictor",
    "SSNHead",
    "SSNResNet",
]
