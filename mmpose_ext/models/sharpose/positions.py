"""Position tables: resized for another resolution, or filled with sines.

SHaRPose: Sparse High-Resolution Representation for Human Pose Estimation, https://arxiv.org/abs/2312.10758; the paper
starts from MAE weights, whose table of 14 x 14 positions is resized for both of its grids.

Deviations:
    - The sines are ours, for a training without MAE's weights; see ``initializer.py``.

Shapes: N positions, row by row, D width.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

Grid = tuple[int, int]
"""Rows and columns."""

MUCH_SMOOTHER = 0.8
"""Of the roughness on the likeliest grid; two readings of a table of noise differ by less."""


def stored_grid(stored: Tensor | None) -> Grid | None:
    """The grid that a checkpoint tells, (2,), if it does."""
    if stored is None or stored.is_meta:
        return None
    rows, columns = stored.tolist()
    return rows, columns


def possible_grids(number: int, like: Grid) -> list[Grid]:
    """Grids that a table may have of which only the length is known, the likeliest first.

    Args:
        number: N.
        like: The model's own grid. One of its shape comes first, then a square, then one of 4:3, as in the official
            checkpoints, then all others whose sides are at most 2:1.
    """
    grids = [(rows, number // rows) for rows in range(1, number + 1) if number % rows == 0]
    shapes = [like[0] / like[1], 1.0, 4 / 3]
    likely = [grid for shape in shapes for grid in grids if math.isclose(grid[0] / grid[1], shape)]
    others = [grid for grid in grids[::-1] if 0.5 <= grid[0] / grid[1] <= 2]
    return list(dict.fromkeys(likely + others))


def roughness(table: Tensor, grid: Grid) -> float:
    """Mean squared difference between neighbors of a table (1, N, D) on a grid, which is smallest on the right one."""
    maps = table[0].detach().float().unflatten(0, grid)
    steps = [maps.diff(dim=axis).square().flatten() for axis in (0, 1)]
    return torch.cat(steps).mean().item()


def grid_of(table: Tensor, like: Grid) -> Grid:
    """Rows and columns of a table of a checkpoint that doesn't tell them.

    The likeliest of the possible grids, unless neighbors are much more alike on another one: a table of 8 x 6 has the
    length of one of 6 x 8.

    Args:
        table: (1, N, D).
        like: The model's own grid.

    Raises:
        ValueError: If no grid has that many positions.
    """
    if not (grids := possible_grids(table.shape[1], like)):
        raise ValueError(
            f"expected a table of positions for a grid shaped like {like[0]}x{like[1]}, or with sides of at most 2:1, "
            f"got {table.shape[1]} positions"
        )
    if table.is_meta or len(grids) == 1:
        return grids[0]
    smoothest = min(grids, key=lambda grid: roughness(table, grid))
    return smoothest if roughness(table, smoothest) < MUCH_SMOOTHER * roughness(table, grids[0]) else grids[0]


def resize_positions(table: Tensor, grid: Grid, *, given: Grid | None = None) -> Tensor:
    """Resample a position table bicubically; nothing happens where the grids are the same.

    Args:
        table: (1, N, D).
        grid: Rows and columns of the new table.
        given: Those of the table, if its checkpoint tells them; otherwise see :func:`grid_of`.

    Returns:
        (1, rows * columns, D).

    Raises:
        ValueError: If the table has not as many positions as its grid.
    """
    given = given or grid_of(table, grid)
    if given[0] * given[1] != table.shape[1]:
        raise ValueError(f"expected a table of {given[0]}x{given[1]} positions, got {table.shape[1]}")
    if given == grid:
        return table
    maps = table.transpose(1, 2).unflatten(2, given).float()
    resized = F.interpolate(maps, size=grid, mode="bicubic", align_corners=False)
    return resized.flatten(2).transpose(1, 2).to(table.dtype)


def sine_positions(grid: tuple[int, int], width: int, *, temperature: float = 100.0) -> Tensor:
    """Sines and cosines of the column and of the row, in wavelengths that grow geometrically.

    Args:
        grid: Rows and columns.
        width: D, a multiple of four.
        temperature: The longest wavelength, divided by 2 pi, in patches.

    Returns:
        (1, rows * columns, D).

    Raises:
        ValueError: If the width is no multiple of four.
    """
    if width % 4:
        raise ValueError(f"expected a width that is a multiple of 4, got {width}")
    rows, columns = torch.meshgrid(torch.arange(grid[0]), torch.arange(grid[1]), indexing="ij")
    frequencies = temperature ** -torch.linspace(0, 1, width // 4)
    angles = torch.cat([axis.reshape(-1, 1) * frequencies for axis in (columns, rows)], 1)
    return torch.cat([angles.sin(), angles.cos()], 1)[None]
