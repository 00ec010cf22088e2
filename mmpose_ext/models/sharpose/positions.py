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
