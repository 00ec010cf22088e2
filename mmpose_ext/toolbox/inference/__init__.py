"""Poses in images, videos and cameras: what ``mmpose-ext infer`` is made of."""

from mmpose_ext.toolbox.inference.estimators import OnnxEstimator, Pose, TorchEstimator
from mmpose_ext.toolbox.inference.frames import Frame, find_sources, read
from mmpose_ext.toolbox.inference.loop import Found, estimate
from mmpose_ext.toolbox.inference.persons import Detector, GivenBoxes, whole_image
from mmpose_ext.toolbox.inference.run import InferenceReport, infer

__all__ = [
    "Detector",
    "Found",
    "Frame",
    "GivenBoxes",
    "InferenceReport",
    "OnnxEstimator",
    "Pose",
    "TorchEstimator",
    "estimate",
    "find_sources",
    "infer",
    "read",
    "whole_image",
]
