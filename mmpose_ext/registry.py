"""Child registries with the scope ``mmpose_ext``; their parents are MMPose's.

They hold nothing themselves: a look-up of ``mmpose_ext.XHRNet`` falls through to :mod:`mmpose.registry`,
where the classes are.
"""

from mmengine.config.utils import MODULE2PACKAGE
from mmengine.registry import Registry
from mmpose import registry as mmpose_registry

SCOPE = "mmpose_ext"

MODULE2PACKAGE[SCOPE] = "mmpose_ext"  # MMEngine finds the configs of a scope through this table

MODELS = Registry("model", parent=mmpose_registry.MODELS, scope=SCOPE)
DATASETS = Registry("dataset", parent=mmpose_registry.DATASETS, scope=SCOPE)
TRANSFORMS = Registry("transform", parent=mmpose_registry.TRANSFORMS, scope=SCOPE)
KEYPOINT_CODECS = Registry("keypoint codec", parent=mmpose_registry.KEYPOINT_CODECS, scope=SCOPE)
METRICS = Registry("metric", parent=mmpose_registry.METRICS, scope=SCOPE)
HOOKS = Registry("hook", parent=mmpose_registry.HOOKS, scope=SCOPE)
VISUALIZERS = Registry("visualizer", parent=mmpose_registry.VISUALIZERS, scope=SCOPE)
INFERENCERS = Registry("inferencer", parent=mmpose_registry.INFERENCERS, scope=SCOPE)

__all__ = [
    "DATASETS",
    "HOOKS",
    "INFERENCERS",
    "KEYPOINT_CODECS",
    "METRICS",
    "MODELS",
    "SCOPE",
    "TRANSFORMS",
    "VISUALIZERS",
]
