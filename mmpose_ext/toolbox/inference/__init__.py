"""Poses in images, videos and cameras: what ``mmpose-ext infer`` is made of.

Names are imported when they are first used: drawing brings in most of MMPose, which an export does not need.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_MODULES = {
    "estimators": ("OnnxEstimator", "Pose", "TorchEstimator"),
    "frames": ("Frame", "find_sources", "read"),
    "loop": ("Found", "estimate"),
    "persons": ("Detector", "GivenBoxes", "whole_image"),
    "run": ("InferenceReport", "infer"),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
