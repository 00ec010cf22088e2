"""From which iteration on some modules of a network take part (SSN: feature shifting modules after 6000)."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from torch import nn

from mmpose_ext.layers.insertion import STATE, insertable, noted


@HOOKS.register_module()
class DelayedInsertionHook(Hook):
    """Leave out all modules with an attribute ``inserted`` for the first iterations.

    The checkpoint says whether they were in when it was written. A training that starts from one in which they were,
    by ``load_from`` or by resuming, keeps them in: they are trained already. In one that starts from a checkpoint
    without them, such as ImageNet weights, or from one that was written before they came in, they wait. A file that has
    their weights and does not say when it was written, such as a published one, counts as trained; weights that come
    by ``init_cfg`` do not.

    A frozen module (``frozen_stages``) that was never trained stays out for good, as it would stay at random.

    Parameters of a module that waits have no gradient. Training on several GPUs needs ``find_unused_parameters=True``
    for that.

    Args:
        begin: Iterations that are trained without them.

    Raises:
        ValueError: If ``begin`` is negative, if the model has no such module, or if several processes are to train
            without ``find_unused_parameters``.
    """

    def __init__(self, *, begin: int) -> None:
        if begin < 0:
            raise ValueError(f"expected begin to be 0 or a number of iterations, got {begin}")
        self.begin = begin
        self._trained: set[str] = set()
        """Modules that are in in the checkpoint that the training starts from."""

    def before_train(self, runner: Runner) -> None:
        """Check the model and the length of the training."""
        modules = self._modules(runner)
        if not modules:
            raise ValueError(
                "DelayedInsertionHook expects modules with an attribute `inserted`, such as FeatureShiftModule; "
                f"{type(runner.model).__name__} has none"
            )
        waiting = [module for name, module in modules.items() if name not in self._trained]
        frozen = [module for module in waiting if not _is_trainable(module)]
        if frozen:
            runner.logger.warning(
                f"{len(frozen)} of {len(modules)} modules are frozen and were never trained: they stay out"
            )
        if len(frozen) == len(waiting):
            return
        if self.begin and is_model_wrapper(runner.model) and not getattr(runner.model, "find_unused_parameters", True):
            raise ValueError(
                f"the modules have no gradient for the first {self.begin} iterations, which several processes can only "
                "train with find_unused_parameters=True in the config"
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
        modules = self._modules(runner)
        self._trained = self._were_inserted(runner, checkpoint)
        if self._trained:
            runner.logger.info(f"the checkpoint has {len(self._trained)} inserted modules: they stay in from now on")
        for name, module in modules.items():
            module.inserted = name in self._trained

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note in the checkpoint which modules are in."""
        modules = self._modules(runner)
        names = [name for name, module in modules.items() if module.inserted]
        if modules:
            checkpoint.setdefault("meta", {})[STATE] = names if 0 < len(names) < len(modules) else bool(names)

    def _were_inserted(self, runner: Runner, checkpoint: dict) -> set[str]:
        """The modules that were in when a checkpoint was written."""
        meta, names = checkpoint.get("meta") or {}, set(self._modules(runner))
        if STATE in meta:
            return noted(meta[STATE], names)
        if not any(key.startswith(f"{name}.") for key in checkpoint.get("state_dict", checkpoint) for name in names):
            return set()  # of another network, such as ImageNet weights
        return names if meta.get("iter", self.begin + 1) > self.begin else set()  # written before it noted the state

    def _set(self, runner: Runner, iteration: int) -> None:
        number = 0
        for name, module in self._modules(runner).items():
            inserted = name in self._trained or (iteration >= self.begin and _is_trainable(module))
            number += inserted and not module.inserted
            module.inserted = inserted
        if number:
            runner.logger.info(f"{number} modules inserted at iteration {iteration}")

    @staticmethod
    def _modules(runner: Runner) -> dict[str, Any]:
        """All that can be inserted, by name."""
        return insertable(runner.model.module if is_model_wrapper(runner.model) else runner.model)


def _is_trainable(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())
