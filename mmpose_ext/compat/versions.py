"""Which torch this is."""

from __future__ import annotations

__all__ = ["torch_at_least"]


def torch_at_least(major: int, minor: int) -> bool:
    """Whether the installed torch is this release or a newer one.

    A pre-release counts as the release that it leads to: NVIDIA's 2.6.0a0 behaves as 2.6.

    Args:
        major: First number of the version.
        minor: Second number.
    """
    import torch

    return tuple(int(part) for part in torch.__version__.split(".")[:2]) >= (major, minor)
