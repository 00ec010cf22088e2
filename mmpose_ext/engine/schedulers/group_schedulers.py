"""MMEngine's learning rate schedulers for one named group of parameters.

MMEngine's schedulers change all groups. SSN decays the learning rate of its offsets after each epoch, and that of the
rest late. Groups get their names from ``NamedGroupsConstructor``.
"""

from __future__ import annotations

from typing import Any

from mmengine.optim import CosineAnnealingLR, LinearLR, MultiStepLR, StepLR
from mmengine.optim.scheduler.param_scheduler import OptimizerType, _ParamScheduler
from mmpose.registry import PARAM_SCHEDULERS

from mmpose_ext.engine.optim_wrappers.named_groups import REST


class _OfGroup(_ParamScheduler):
    """Undo what a scheduler does to all groups but one; in front of a scheduler in the bases of a class.

    Args:
        optimizer: An optimizer or its wrapper.
        group: ``group_name`` of the group.
        **kwargs: Arguments of the scheduler.

    Raises:
        ValueError: If the optimizer has no such group.
    """

    def __init__(self, optimizer: OptimizerType, *, group: str, **kwargs: Any) -> None:
        names = [each.get("group_name") for each in optimizer.param_groups]
        if group not in names:
            raise ValueError(
                f"expected group to be the name of a group of parameters, among {sorted(filter(None, names))}, got "
                f"{group!r}; NamedGroupsConstructor gives names"
            )
        self.group = group
        super().__init__(optimizer, **kwargs)

    def step(self) -> None:
        """Go on by one epoch or iteration."""
        # A group without a name is MMEngine's own, for the `base_lr` in logs.
        others = [each for each in self.optimizer.param_groups if each.get("group_name", REST) != self.group]
        values = [each["lr"] for each in others]
        super().step()
        for each, value in zip(others, values, strict=True):
            each["lr"] = value
        self._last_value = [each["lr"] for each in self.optimizer.param_groups]


@PARAM_SCHEDULERS.register_module()
class GroupStepLR(_OfGroup, StepLR):
    """MMEngine's ``StepLR`` for one group: a factor after each so many epochs or iterations."""


@PARAM_SCHEDULERS.register_module()
class GroupMultiStepLR(_OfGroup, MultiStepLR):
    """MMEngine's ``MultiStepLR`` for one group: a factor at each milestone."""


@PARAM_SCHEDULERS.register_module()
class GroupLinearLR(_OfGroup, LinearLR):
    """MMEngine's ``LinearLR`` for one group: a warm-up."""


@PARAM_SCHEDULERS.register_module()
class GroupCosineAnnealingLR(_OfGroup, CosineAnnealingLR):
    """MMEngine's ``CosineAnnealingLR`` for one group."""
