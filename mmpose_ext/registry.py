"""Child registries with the scope ``mmpose_ext``; their parents are MMPose's.

They hold nothing themselves: a look-up of ``mmpose_ext.XHRNet`` falls through to :mod:`mmpose.registry`,
where the classes are.
"""

from __future__ import annotations

from mmengine import registry as mmengine_registry
from mmengine.registry import Registry
from mmpose import registry as mmpose_registry

SCOPE = "mmpose_ext"


class ScopeRegistry(Registry):
    """A registry whose scope is only a name: what is asked for by it is found with the parent."""

    def import_from_location(self) -> None:
        """Import the modules of the parent, where the classes are."""
        self.parent.import_from_location()

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
# A training looks for each part of a config that is inherited by `mmpose_ext::` with this scope.
DATA_SAMPLERS = ScopeRegistry("data sampler", parent=mmpose_registry.DATA_SAMPLERS, scope=SCOPE)
EVALUATORS = ScopeRegistry("evaluator", parent=mmpose_registry.EVALUATORS, scope=SCOPE)
LOG_PROCESSORS = ScopeRegistry("log processor", parent=mmpose_registry.LOG_PROCESSORS, scope=SCOPE)
LOOPS = ScopeRegistry("loop", parent=mmpose_registry.LOOPS, scope=SCOPE)
MODEL_WRAPPERS = ScopeRegistry("model_wrapper", parent=mmpose_registry.MODEL_WRAPPERS, scope=SCOPE)
OPTIMIZERS = ScopeRegistry("optimizer", parent=mmpose_registry.OPTIMIZERS, scope=SCOPE)
OPTIM_WRAPPERS = ScopeRegistry("optimizer_wrapper", parent=mmpose_registry.OPTIM_WRAPPERS, scope=SCOPE)
OPTIM_WRAPPER_CONSTRUCTORS = ScopeRegistry(
    "optimizer wrapper constructor", parent=mmpose_registry.OPTIM_WRAPPER_CONSTRUCTORS, scope=SCOPE
)
PARAM_SCHEDULERS = ScopeRegistry("parameter scheduler", parent=mmpose_registry.PARAM_SCHEDULERS, scope=SCOPE)
RUNNERS = ScopeRegistry("runner", parent=mmpose_registry.RUNNERS, scope=SCOPE)
TASK_UTILS = ScopeRegistry("task util", parent=mmpose_registry.TASK_UTILS, scope=SCOPE)
VISBACKENDS = ScopeRegistry("vis_backend", parent=mmpose_registry.VISBACKENDS, scope=SCOPE)
WEIGHT_INITIALIZERS = ScopeRegistry("weight initializer", parent=mmpose_registry.WEIGHT_INITIALIZERS, scope=SCOPE)
FUNCTIONS = ScopeRegistry("function", parent=mmengine_registry.FUNCTIONS, scope=SCOPE)  # inferencers ask for it

__all__ = [
    "DATASETS",
    "DATA_SAMPLERS",
    "EVALUATORS",
    "FUNCTIONS",
    "HOOKS",
    "INFERENCERS",
    "KEYPOINT_CODECS",
    "LOG_PROCESSORS",
    "LOOPS",
    "METRICS",
    "MODELS",
    "MODEL_WRAPPERS",
    "OPTIMIZERS",
    "OPTIM_WRAPPERS",
    "OPTIM_WRAPPER_CONSTRUCTORS",
    "PARAM_SCHEDULERS",
    "RUNNERS",
    "SCOPE",
    "TASK_UTILS",
    "TRANSFORMS",
    "VISBACKENDS",
    "VISUALIZERS",
    "WEIGHT_INITIALIZERS",
]
