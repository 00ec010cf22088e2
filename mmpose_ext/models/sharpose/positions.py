"""Position tables for another resolution.

SHaRPose: Sparse High-Resolution Representation for Human Pose Estimation, https://arxiv.org/abs/2312.10758; the paper
starts from MAE weights, whose table of 14 x 14 positions is resized for both of its grids.

Deviations: none.

Shapes: N positions, row by row, D width.
"""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor


def grid_of(number: int, like: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of a table of which only the length is known.

    Args:
        number: N.
        like: Rows and columns of the model's own grid. A grid of its shape is looked for first, then a square.

    Raises:
        ValueError: If there is neither.
    """
    for rows in (round(math.sqrt(number * like[0] / like[1])), math.isqrt(number)):
        if rows and number % rows == 0 and (rows * like[1] == number // rows * like[0] or rows * rows == number):
            return rows, number // rows
    raise ValueError(
        f"expected a table of positions for a grid shaped like {like[0]}x{like[1]} or for a square, "
        f"got {number} positions"
    )


def resize_positions(table: Tensor, grid: tuple[int, int]) -> Tensor:
    """Resample a position table bicubically; nothing happens where the length fits.

    Args:
        table: (1, N, D).
        grid: Rows and columns of the new table.

    Returns:
        (1, rows * columns, D).
    """
    if table.shape[1] == grid[0] * grid[1]:
        return table
    maps = table.transpose(1, 2).unflatten(2, grid_of(table.shape[1], grid)).float()
    resized = F.interpolate(maps, size=grid, mode="bicubic", align_corners=False)
    return resized.flatten(2).transpose(1, 2).to(table.dtype)
