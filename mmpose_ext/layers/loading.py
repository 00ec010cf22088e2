"""What a network does with a checkpoint that is not its own.

MMEngine loads what fits and writes the rest into the log, so that a file with other keys ends in a random network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

__all__ = ["RequiresOwnKeys", "rewrite_keys"]


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


class RequiresOwnKeys(nn.Module):
    """A network that refuses a checkpoint with next to nothing for it, instead of staying as it was initialized.

    It wants a tenth of its tensors, by name and shape: other networks may share a stem. It holds with ``strict=False``
    too, which a module is not told of. A part of a model, such as its head, is loaded by the ``load_state_dict`` of
    that part.
    """

    foreign_checkpoints: ClassVar[str] = ""
    """What to do with other checkpoints, for the message."""

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        own = self.state_dict()
        fitting = sum(
            prefix + key in state_dict and state_dict[prefix + key].shape == value.shape for key, value in own.items()
        )
        if 10 * fitting < len(own):
            found = f"only {fitting} of {len(own)} tensors" if fitting else "no tensor"
            raise ValueError(
                f"the checkpoint has {found} for {type(self).__name__}, whose keys are such as "
                f"{prefix + next(iter(own))!r}: it would stay as it was initialized. {self.foreign_checkpoints}".strip()
            )
        super()._load_from_state_dict(state_dict, prefix, *args)
