"""The sizes of SHaRPose.

SHaRPose: Sparse High-Resolution Representation for Human Pose Estimation, https://arxiv.org/abs/2312.10758, Table 2.

Deviations: none.
"""

from __future__ import annotations

from typing import NamedTuple

from mmpose_ext.layers.arch import find_arch


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
    return find_arch(arch, ARCHS)
