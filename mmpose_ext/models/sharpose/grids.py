"""Grids of patches over an image at some scale.

SHaRPose: Sparse High-Resolution Representation for Human Pose Estimation, https://arxiv.org/abs/2312.10758,
section "Coarse-Inference Stage", the Resample of Eq. (1).

Deviations: none.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def grid_of_patches(size: tuple[int, int], scale: float, patch: int) -> tuple[int, int]:
    """Rows and columns of patches.

    Args:
        size: Height and width of the image.
        scale: Factor by which it is resampled.
        patch: Patch size.

    Raises:
        ValueError: If the patches don't cover the resampled image exactly.
    """
    rows, columns = (side * scale / patch for side in size)
    if rows != int(rows) or columns != int(columns) or min(rows, columns) < 1:
        raise ValueError(
            f"expected an image whose sides times {scale} are multiples of the patch size {patch}, "
            f"got {size[0]}x{size[1]}"
        )
    return int(rows), int(columns)


def resample(images: Tensor, grid: tuple[int, int], patch: int) -> Tensor:
    """Bring images bilinearly to the size of a grid of patches.

    Args:
        images: (B, 3, height, width).
        grid: Rows and columns.
        patch: Patch size.
    """
    size = (grid[0] * patch, grid[1] * patch)
    if tuple(images.shape[2:]) == size:
        return images
    return F.interpolate(images, size=size, mode="bilinear", align_corners=False)
