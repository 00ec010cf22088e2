"""What feature shifting modules need in a training, in one entry of a config: a delay, and their own learning rate."""

from __future__ import annotations

import re

import torch
from mmengine.hooks.hook import DATA_BATCH
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper
from mmengine.runner import IterBasedTrainLoop, Runner
from mmpose.registry import HOOKS
from torch import Tensor

from mmpose_ext.engine.hooks.delayed_insertion_hook import DelayedInsertionHook

OFFSETS = re.compile(r"(?:^|\.)shift\.offsets$")
"""Names of the parameters."""
GROUP = "offsets"
"""``group_name`` of their group, as in SSN's own configs."""


@HOOKS.register_module()
class FeatureShiftHook(DelayedInsertionHook):
    """Insert feature shifting modules late, and train their offsets at a learning rate of their own.

    For a ``FeatureShiftModule`` as a plugin of a network with any optimizer and schedule::

        custom_hooks = [dict(type='FeatureShiftHook', begin=6000, lr=1e-3)]

    The paper warns of offsets that leave the map, where they have no gradient and stay: a network that is not trained
    yet, or the learning rate of the rest, can send them there. The hook takes the offsets out of the optimizer's groups
    and sets the rate of their new group in each iteration, whatever the schedule does to the others; automatic scaling
    of learning rates leaves it alone. A warning says how many have left.

    SSN's own configs do the same with ``DelayedInsertionHook``, ``NamedGroupsConstructor`` and ``GroupStepLR``.

    Args:
        begin: Iterations that are trained without the modules, see :class:`DelayedInsertionHook`.
        lr: Learning rate of the offsets, which are fractions of the longer side of their map.
        decay: Factor of that rate after each epoch.

    Raises:
        ValueError: If an argument is out of range, or if the optimizer is not a single one, has no offsets, or has them
            in a named group already.
    """

    def __init__(self, *, begin: int = 6000, lr: float = 1e-3, decay: float = 0.9) -> None:
        super().__init__(begin=begin)
        if not lr > 0 or not 0 < decay <= 1:
            raise ValueError(f"expected a positive lr and a decay in (0, 1], got lr={lr} and decay={decay}")
        self.lr = lr
        self.decay = decay

    def before_run(self, runner: Runner) -> None:
        """Give the offsets their group, before a checkpoint with such a group is resumed."""
        if runner._train_loop is None or not hasattr(runner.optim_wrapper, "param_groups"):
            return  # a run that only validates or tests
        if not isinstance(runner.optim_wrapper, OptimWrapper):
            raise ValueError(f"FeatureShiftHook expects one optimizer, got {type(runner.optim_wrapper).__name__}")
        optimizer = runner.optim_wrapper.optimizer
        wanted = {id(offsets) for offsets in self._offsets(runner)}
        moved: list[Tensor] = []
        source = 0
        for index, group in enumerate(list(optimizer.param_groups)):
            own = [parameter for parameter in group["params"] if id(parameter) in wanted]
            if own and "group_name" in group and len(own) == len(group["params"]):
                raise ValueError(f"FeatureShiftHook expects offsets without a group, got {group['group_name']!r}")
            if own and len(own) == len(group["params"]):  # some constructors make a group for each parameter
                group["group_name"] = GROUP
            elif own:
                group["params"] = [parameter for parameter in group["params"] if id(parameter) not in wanted]
                moved, source = moved + own, index
        if moved:
            self._add_group(runner, moved, source)
        names = [group.get("group_name") for group in optimizer.param_groups]
        if GROUP not in names:
            raise ValueError("FeatureShiftHook expects an optimizer with offsets of a FeatureShiftModule, got none")
        runner.logger.info(f"the offsets of {len(wanted)} modules have the learning rate {self.lr}")

    def _add_group(self, runner: Runner, parameters: list[Tensor], source: int) -> None:
        """Add a group with the options of another one, to the optimizer and to what the schedulers know of groups."""
        groups = runner.optim_wrapper.optimizer.param_groups
        options = {**groups[source], "params": parameters, "group_name": GROUP}
        runner.optim_wrapper.optimizer.add_param_group(options)
        for scheduler in runner.param_schedulers or []:
            for values in (getattr(scheduler, name, None) for name in ("base_values", "min_values")):
                if values is not None:  # the place in front of what MMEngine adds for the `base_lr` in logs
                    values.insert(len(groups) - 1, values[source])

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: DATA_BATCH = None) -> None:
        """Set the modules and the learning rate for this iteration."""
        super().before_train_iter(runner, batch_idx, data_batch)
        counts_iterations = isinstance(runner._train_loop, IterBasedTrainLoop)
        epoch = runner.iter // len(runner.train_dataloader) if counts_iterations else runner.epoch
        for group in runner.optim_wrapper.optimizer.param_groups:
            if group.get("group_name") == GROUP:
                group["lr"] = self.lr * self.decay**epoch

    def before_val(self, runner: Runner) -> None:
        """Set the modules for a validation."""
        super().before_val(runner)
        self._warn(runner)

    def after_train(self, runner: Runner) -> None:
        """Look at the offsets a last time."""
        self._warn(runner)

    def _warn(self, runner: Runner) -> None:
        found = self._offsets(runner)
        offsets = torch.cat(found).detach() if found else torch.zeros(0, 2)
        outside = int((offsets.abs() >= 1).any(1).sum())
        if outside:
            runner.logger.warning(
                f"{outside} of {len(offsets)} offsets have left the map, where they have no gradient: "
                "a later begin or a lower lr of FeatureShiftHook keeps them in"
            )

    @staticmethod
    def _offsets(runner: Runner) -> list[Tensor]:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        return [parameter for name, parameter in model.named_parameters() if OFFSETS.search(name)]
