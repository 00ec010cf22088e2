"""What a network does with a checkpoint that is not its own.

MMEngine loads what fits and writes the rest into the log, so that a file with other keys ends in a random network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

__all__ = ["rewrite_keys", "require_own_keys"]


def rewrite_keys(
    state_dict: dict[str, Any], prefix: str, convert: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]
) -> None:
    """Convert the entries of one module, in place, before they are loaded.

    Args:
        state_dict: What ``_load_from_state_dict`` was given.
        prefix: Of the module's keys.
        convert: From the module's entries to the converted ones, both without the prefix.
    """
    foreign = {key: state_dict.pop(key) for key in list(state_dict) if key.startswith(prefix)}
    converted = convert({key[len(prefix) :]: value for key, value in foreign.items()})
    state_dict.update({prefix + key: value for key, value in converted.items()})


def require_own_keys(module: nn.Module, state_dict: Mapping[str, Any], prefix: str, *, hint: str) -> None:
    """Raise a ValueError if a checkpoint has no tensor for a module at all.

    Args:
        module: The module that is being loaded.
        state_dict: What ``_load_from_state_dict`` was given.
        prefix: Of the module's keys.
        hint: What to do instead.
    """
    own = module.state_dict()
    if not any(prefix + key in state_dict for key in own):
        raise ValueError(
            f"the checkpoint has no tensor for {type(module).__name__}, whose keys are such as "
            f"{prefix + next(iter(own))!r}: it would stay as it was initialized. {hint}"
        )
