"""When a network that predicts the quality of its poses learns to, and from when on the prediction counts."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from torch import nn


@HOOKS.register_module()
class QualityScheduleHook(Hook):
    """Set the weight of the quality loss, and allow early exit, from one epoch on.

    Both follow from the number of the epoch, so they are right in a resumed run. Outside of training nothing changes.

    Args:
        begin: Epochs that are trained without the quality loss (180 in SHaRPose). Until then the threshold of the
            backbone is without effect, as there is nothing to compare with it.
        weight: Weight of the quality loss afterwards, the lambda of SHaRPose.
    """

    def __init__(self, *, begin: int, weight: float = 0.03) -> None:
        if begin < 0:
            raise ValueError(f"expected begin to be 0 or a number of epochs, got {begin}")
        self.begin = begin
        self.weight = weight

    def before_train(self, runner: Runner) -> None:
        """Give the head the sigmas of the data set, unless its config has some."""
        backbone, head = self._parts(runner)
        if not hasattr(backbone, "early_exit") or not hasattr(head, "quality_weight"):
            raise ValueError(
                "QualityScheduleHook expects a backbone and a head with a predicted quality, such as SHaRPose and "
                f"SHaRPoseHead, got {type(backbone).__name__} and {type(head).__name__}"
            )
        if head.sigmas is None:
            head.set_sigmas(runner.train_loop.dataloader.dataset.metainfo["sigmas"])

    def before_train_epoch(self, runner: Runner) -> None:
        """Set both for this epoch and the validation behind it."""
        backbone, head = self._parts(runner)
        backbone.early_exit = runner.epoch >= self.begin
        head.quality_weight = self.weight if backbone.early_exit else 0.0

    @staticmethod
    def _parts(runner: Runner) -> tuple[nn.Module, nn.Module]:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        return model.backbone, model.head
