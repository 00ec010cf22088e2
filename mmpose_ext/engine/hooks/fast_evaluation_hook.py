"""Exchanges MMPose's parts of an evaluation for those that give the same results in less time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS, KEYPOINT_CODECS, METRICS, MODELS
from torch import nn

__all__ = ["FastEvaluationHook", "use_fast_parts"]

_FAST = {
    MODELS: {"PoseDataPreprocessor": "BatchedPoseDataPreprocessor"},
    KEYPOINT_CODECS: {
        "MSRAHeatmap": "BatchedMSRAHeatmap",
        "MultiSigmaHeatmap": "BatchedMSRAHeatmap",  # which decodes as it does; a decoder never encodes
        "UDPHeatmap": "BatchedUDPHeatmap",
    },
    METRICS: {"CocoMetric": "FastCocoMetric"},
}
"""Registry -> class -> the class that takes its place. Each of these only adds methods, so an object can change."""


def use_fast_parts(model: nn.Module, metrics: Iterable[BaseMetric]) -> list[str]:
    """Give the preprocessor, the decoders and the metrics the faster methods; all settings and results stay.

    Only the classes themselves change, not those derived from them. The encoders of a pipeline stay, because both forms
    draw the same targets.

    Args:
        model: An estimator, also inside a wrapper.
        metrics: The metrics of an evaluator.

    Returns:
        What changed, such as "CocoMetric -> FastCocoMetric".
    """
    modules = list(model.modules())
    decoders = [module.decoder for module in modules if hasattr(module, "decoder")]
    return [change for part in (*modules, *decoders, *metrics) if (change := _exchange(part))]


def _exchange(part: Any) -> str | None:
    kind = type(part)
    for registry, names in _FAST.items():
        fast = names.get(kind.__name__)
        if fast and kind is registry.get(kind.__name__):
            part.__class__ = registry.get(fast)
            return f"{kind.__name__} -> {fast}"
    return None


@HOOKS.register_module()
class FastEvaluationHook(Hook):
    """Use the faster parts from the first validation or test on, whatever the config names.

    On the command line, for any config: ``--cfg-options default_hooks.fast_evaluation.type=FastEvaluationHook``.
    """

    def before_val(self, runner: Runner) -> None:
        """Exchange the parts of the model and of the validation."""
        self._exchange(runner, runner.val_loop.evaluator.metrics)

    def before_test(self, runner: Runner) -> None:
        """Exchange the parts of the model and of the test."""
        self._exchange(runner, runner.test_loop.evaluator.metrics)

    def _exchange(self, runner: Runner, metrics: Iterable[BaseMetric]) -> None:
        if changes := use_fast_parts(runner.model, metrics):
            runner.logger.info(f"FastEvaluationHook: {', '.join(changes)}")
