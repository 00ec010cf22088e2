"""The sizes of SHaRPose.

SHaRPose: Sparse High-Resolution Representation for Human Pose Estimation, https://arxiv.org/abs/2312.10758, Table 2.

Deviations: none.
"""

from __future__ import annotations

from typing import NamedTuple


class Arch(NamedTuple):
    """The numbers of one row of Table 2."""

    width: int
    depth: int = 12
    num_heads: int = 12
    mlp_ratio: float = 4.0


ARCHS = {"small": Arch(width=384), "base": Arch(width=768)}
"""SHaRPose-Small and SHaRPose-Base of Table 2."""


def resolve_arch(arch: str | dict) -> Arch:
    """Look up a preset, or check the fields of a user's own.

    Args:
        arch: Name of a preset or a dict with the fields of :class:`Arch`.

    Raises:
        ValueError: If there is no such preset or field.
    """
    if isinstance(arch, str):
        if arch not in ARCHS:
            raise ValueError(f"expected an arch among {', '.join(ARCHS)} or a dict, got {arch!r}")
        return ARCHS[arch]
    unknown = set(arch) - set(Arch._fields)
    if unknown or "width" not in arch:
        raise ValueError(f"expected an arch with width and any of {', '.join(Arch._fields)}, got {sorted(arch)}")
    return Arch(**arch)
