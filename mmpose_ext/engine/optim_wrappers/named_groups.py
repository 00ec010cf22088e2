"""Parameter groups with names, each with its own learning rate, for schedulers that look at one of them."""

from __future__ import annotations

import re
from typing import Any

from mmengine.optim import DefaultOptimWrapperConstructor
from mmpose.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

REST = "network"
"""Name of the group of all that fits no pattern."""


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class NamedGroupsConstructor(DefaultOptimWrapperConstructor):
    """Sort parameters into named groups; the rest is the group ``network`` with the options of the optimizer.

    ``paramwise_cfg`` is ``dict(groups=dict(NAME=dict(pattern=..., lr=..., ...)))``: the regular expression is searched
    in the names of the parameters, the other keys are options of the optimizer for this group. Of several groups the
    first counts. The name stands in the group as ``group_name``. A group whose parameters are all frozen stays, empty.

    Args:
        optim_wrapper_cfg: Config of the optimizer wrapper, with its ``optimizer``.
        paramwise_cfg: See above.

    Raises:
        ValueError: If a key is missing or unknown, or if a pattern fits no parameter.
    """

    def _validate_cfg(self) -> None:
        """Check the keys of ``paramwise_cfg``."""
        groups = self.paramwise_cfg.get("groups")
        if set(self.paramwise_cfg) != {"groups"} or not all("pattern" in group for group in groups.values()):
            raise ValueError(
                "expected paramwise_cfg=dict(groups=dict(NAME=dict(pattern=..., lr=...))), "
                f"got {dict(self.paramwise_cfg)}"
            )
        if REST in groups:
            raise ValueError(f"expected another name than {REST!r}, which is that of all other parameters")

    def add_params(self, params: list[dict[str, Any]], module: nn.Module, **kwargs: Any) -> None:
        """Sort the parameters of a model.

        Args:
            params: The list to which the groups are added.
            module: The model.
            **kwargs: Of the base class, and without a meaning here.
        """
        settings = self.paramwise_cfg["groups"]
        groups: dict[str, dict[str, Any]] = {
            name: {"params": [], "group_name": name, **{k: v for k, v in options.items() if k != "pattern"}}
            for name, options in {**settings, REST: {}}.items()
        }
        found = {REST}
        for name, parameter in module.named_parameters():
            fitting = (group for group, options in settings.items() if re.search(options["pattern"], name))
            found.add(group := next(fitting, REST))
            if parameter.requires_grad:
                groups[group]["params"].append(parameter)
        if unfit := [name for name in settings if name not in found]:
            raise ValueError(
                "expected patterns that fit names of parameters, got "
                + ", ".join(f"{settings[name]['pattern']!r} ({name})" for name in unfit)
            )
        params.extend(group for name, group in groups.items() if group["params"] or name != REST)
