"""The numbers of a network: a preset by its name, or a user's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

__all__ = ["find_arch"]

_Arch = TypeVar("_Arch", bound=tuple)


def find_arch(arch: str | Mapping[str, Any], presets: Mapping[str, _Arch]) -> _Arch:
    """Look up a preset, or fill the class of the presets from a dict.

    Args:
        arch: Name of a preset, or a dict with fields of the presets' class. Lists, which configs may have, become
            tuples.
        presets: One or more objects of one NamedTuple class.

    Raises:
        ValueError: If there is no such preset or field, or if a field without a default is missing.
    """
    if not isinstance(arch, Mapping):
        if not isinstance(arch, str) or arch not in presets:
            raise ValueError(f"arch must be one of {sorted(presets)} or a dict, got {arch!r}")
        return presets[arch]
    cls: Any = type(next(iter(presets.values())))
    needed = [name for name in cls._fields if name not in cls._field_defaults]
    if set(arch) - set(cls._fields) or set(needed) - set(arch):
        raise ValueError(
            f"arch must have {', '.join(needed)} and may have {', '.join(cls._field_defaults)}, got {sorted(arch)}"
        )
    return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in arch.items()})
