"""From which iteration on some modules of a network take part (SSN: feature shifting modules after 6000)."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from torch import nn


@HOOKS.register_module()
class DelayedInsertionHook(Hook):
    """Leave out all modules with an attribute ``inserted`` for the first iterations.

    Whether they are in follows from the number of the iteration alone: it is right in a resumed run, and in a test of a
    checkpoint, which has the number with it. A model that was loaded in another way has them in.

    Their parameters have no gradient before. Training on several GPUs needs ``find_unused_parameters=True`` for that.

    Args:
        begin: Iterations that are trained without them.

    Raises:
        ValueError: If ``begin`` is negative, or if the model has no such module.
    """

    def __init__(self, *, begin: int) -> None:
        if begin < 0:
            raise ValueError(f"expected begin to be 0 or a number of iterations, got {begin}")
        self.begin = begin

    def before_train(self, runner: Runner) -> None:
        """Check the model and the length of the training."""
        if not self._modules(runner):
            raise ValueError(
                "DelayedInsertionHook expects modules with an attribute `inserted`, such as FeatureShiftModule; "
                f"{type(runner.model).__name__} has none"
            )
        if self.begin >= runner.max_iters:
            runner.logger.warning(
                f"the modules are to be inserted after {self.begin} iterations, but training ends after "
                f"{runner.max_iters}: they will never be trained"
            )

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Set the modules for this iteration."""
        self._set(runner, runner.iter)

    def before_val(self, runner: Runner) -> None:
        """Set the modules for a validation, which belongs to the iterations before it."""
        if runner._train_loop is not None and runner.iter:
            self._set(runner, runner.iter - 1)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Set the modules as they were when the checkpoint was written."""
        iteration = checkpoint.get("meta", {}).get("iter")
        if iteration is not None:
            self._set(runner, iteration - 1)

    def _set(self, runner: Runner, iteration: int) -> None:
        modules = self._modules(runner)
        inserted = iteration >= self.begin
        if modules and inserted and not modules[0].inserted:
            runner.logger.info(f"{len(modules)} modules inserted at iteration {iteration}")
        for module in modules:
            module.inserted = inserted

    @staticmethod
    def _modules(runner: Runner) -> Sequence[nn.Module]:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        return [module for module in model.modules() if hasattr(module, "inserted")]
