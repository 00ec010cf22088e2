"""Child registries with the scope ``mmpose_ext``; their parents are MMPose's.

They hold nothing themselves: a look-up of ``mmpose_ext.XHRNet`` falls through to :mod:`mmpose.registry`,
where the classes are.
"""

from __future__ import annotations

from mmengine import registry as mmengine_registry
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.registry import Registry
from mmpose import registry as mmpose_registry

SCOPE = "mmpose_ext"

# MMEngine finds the configs of a scope through this table: the folder `.mim` beside a distribution or, failing that, a
# module of the given name. A distribution is not found if the install is editable, so it is a module that has to be
# named.
MODULE2PACKAGE[SCOPE] = "mmpose_ext.registry"


class ScopeRegistry(Registry):
    """A registry whose scope is only a name: what is asked for by it is found with the parent."""

    def get(self, key: str) -> type | None:
        """The class of a name, which may begin with the scope."""
        return super().get(key.removeprefix(f"{SCOPE}."))


MODELS = ScopeRegistry("model", parent=mmpose_registry.MODELS, scope=SCOPE)
DATASETS = ScopeRegistry("dataset", parent=mmpose_registry.DATASETS, scope=SCOPE)
TRANSFORMS = ScopeRegistry("transform", parent=mmpose_registry.TRANSFORMS, scope=SCOPE)
KEYPOINT_CODECS = ScopeRegistry("keypoint codec", parent=mmpose_registry.KEYPOINT_CODECS, scope=SCOPE)
METRICS = ScopeRegistry("metric", parent=mmpose_registry.METRICS, scope=SCOPE)
HOOKS = ScopeRegistry("hook", parent=mmpose_registry.HOOKS, scope=SCOPE)
VISUALIZERS = ScopeRegistry("visualizer", parent=mmpose_registry.VISUALIZERS, scope=SCOPE)
INFERENCERS = ScopeRegistry("inferencer", parent=mmpose_registry.INFERENCERS, scope=SCOPE)
FUNCTIONS = ScopeRegistry("function", parent=mmengine_registry.FUNCTIONS, scope=SCOPE)  # inferencers ask for it

__all__ = [
    "DATASETS",
    "FUNCTIONS",
    "HOOKS",
    "INFERENCERS",
    "KEYPOINT_CODECS",
    "METRICS",
    "MODELS",
    "SCOPE",
    "TRANSFORMS",
    "VISUALIZERS",
]
