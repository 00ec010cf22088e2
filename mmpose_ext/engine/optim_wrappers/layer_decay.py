"""Learning rates that fall from the last layer of a transformer to the first, with exceptions from weight decay.

MMPose's own ``LayerDecayOptimWrapperConstructor`` ignores ``custom_keys``, so that tokens are decayed whatever a
config says; no report upstream was found.
"""

from __future__ import annotations

import re
from typing import Any

from mmengine.optim import DefaultOptimWrapperConstructor
from mmpose.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayConstructor(DefaultOptimWrapperConstructor):
    """Scale learning rates by ``rate ** (layers above)``.

    Of a model with n blocks, the stem is layer 0, block i is layer i + 1 and all the rest is layer n + 1, with the
    scale 1. Biases and all other vectors are not decayed.

    ``paramwise_cfg`` has the keys

    * ``layer_decay_rate``: The rate.
    * ``blocks``: Name of the list of blocks, ``backbone.blocks`` by default.
    * ``stem``: Parts of the names of the parameters of layer 0.
    * ``custom_keys``: Part of a name -> ``lr_mult`` and ``decay_mult``, in addition to the above. Of several that
      fit, the longest counts.

    Args:
        optim_wrapper_cfg: Config of the optimizer wrapper, with its ``optimizer``.
        paramwise_cfg: See above.

    Raises:
        ValueError: If a key is unknown, the rate is missing, or a part of a name or the blocks fit nothing.
    """

    KEYS = ("layer_decay_rate", "blocks", "stem", "custom_keys")

    def _validate_cfg(self) -> None:
        """Check the keys of ``paramwise_cfg``."""
        super()._validate_cfg()
        if "layer_decay_rate" not in self.paramwise_cfg or set(self.paramwise_cfg) - set(self.KEYS):
            raise ValueError(
                f"expected layer_decay_rate and any of {', '.join(self.KEYS[1:])} in paramwise_cfg, "
                f"got {', '.join(sorted(self.paramwise_cfg)) or 'nothing'}"
            )

    def add_params(self, params: list[dict[str, Any]], module: nn.Module, **kwargs: Any) -> None:
        """Sort the parameters of a model into groups of equal learning rate and weight decay.

        Args:
            params: The list to which the groups are added.
            module: The model.
            **kwargs: Of the base class, and without a meaning here.
        """
        names = [name for name, parameter in module.named_parameters() if parameter.requires_grad]
        self._require_matches([name for name, _ in module.named_parameters()])  # frozen ones too
        layers = {name: self._layer(name) for name in names}
        last = max(layer for layer in layers.values() if layer is not None) + 1
        decay = self.base_wd or 0.0
        groups: dict[tuple[float, float], dict[str, Any]] = {}
        for name, parameter in module.named_parameters():
            if not parameter.requires_grad:
                continue
            layer = layers[name]
            custom = self._custom(name)
            scale = self.paramwise_cfg["layer_decay_rate"] ** (0 if layer is None else last - layer)
            scale *= custom.get("lr_mult", 1.0)
            own_decay = 0.0 if parameter.ndim == 1 else decay * custom.get("decay_mult", 1.0)
            group = groups.setdefault(
                (scale, own_decay),
                dict(params=[], param_names=[], lr=self.base_lr * scale, weight_decay=own_decay),
            )
            group["params"].append(parameter)
            group["param_names"].append(name)
        params.extend(groups.values())

    def _layer(self, name: str) -> int | None:
        """Layer of a parameter; None for what stands above the blocks."""
        match = re.match(rf"{re.escape(self._blocks)}\.(\d+)\.", name)
        if match:
            return int(match[1]) + 1
        return 0 if any(part in name for part in self.paramwise_cfg.get("stem", ())) else None

    def _custom(self, name: str) -> dict[str, float]:
        """Multipliers that a config sets for a parameter."""
        custom = self.paramwise_cfg.get("custom_keys", {})
        fitting = [part for part in custom if part in name]
        return custom[max(fitting, key=len)] if fitting else {}

    @property
    def _blocks(self) -> str:
        return self.paramwise_cfg.get("blocks", "backbone.blocks")

    def _require_matches(self, names: list[str]) -> None:
        """Complain about a part of a name that no parameter has."""
        parts = [*self.paramwise_cfg.get("stem", ()), *self.paramwise_cfg.get("custom_keys", {}), f"{self._blocks}."]
        unused = [part for part in parts if not any(part in name for name in names)]
        if unused:
            raise ValueError(f"expected names of parameters in paramwise_cfg, none contains {', '.join(unused)}")
