"""What a network asks of the size of its input, and a neck or a head of the maps that it is given.

Shapes: B batch, H W height and width of a map.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["check_maps", "check_size"]


def check_size(what: str, height: int, width: int, stride: int) -> None:
    """Raise a ValueError unless height and width are positive multiples of ``stride``.

    Args:
        what: Name of what has that size, for the message.
        height: Height in pixels.
        width: Width in pixels.
        stride: That of the network's smallest map.
    """
    if height < 1 or width < 1 or height % stride or width % stride:
        raise ValueError(f"height and width of {what} must be multiples of {stride}, got {height}x{width}")


def check_maps(what: str, maps: Sequence[Tensor], channels: Sequence[int], *, equal: bool = False) -> None:
    """Raise a ValueError unless there is a map (B, C, H, W) for each number of channels.

    Nothing is checked while a graph is traced.

    Args:
        what: Name of what reads them, for the message.
        maps: What a backbone or a neck returned.
        channels: C of each.
        equal: Whether all must have one height and width.
    """
    if torch.jit.is_tracing():  # a size is a tensor there
        return
    shapes = [] if isinstance(maps, Tensor) else [tuple(getattr(x, "shape", ())) for x in maps]
    fit = [shape[1] if len(shape) == 4 else None for shape in shapes] == list(channels)
    if not fit or (equal and any(shape[2:] != shapes[0][2:] for shape in shapes)):
        wanted = f"{len(channels)} maps{' of one size' * equal} with {', '.join(map(str, channels))} channels"
        came = f"one tensor of shape {tuple(maps.shape)}" if isinstance(maps, Tensor) else f"shapes {shapes}"
        raise ValueError(f"{what} expects {wanted}, got {came}")
