"""The shift as a bilinear grid sample: short, slow, and what the other forms are tested against.

Source, deviations and shapes: see :mod:`.taps`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def feature_shift_reference(x: Tensor, offsets: Tensor) -> Tensor:
    """Shift each channel by its own offset, Eq. (1).

    In float32 the coordinates of the grid are rounded, so near an integer offset a pixel's derivative may be the one
    from the left or from the right; compare gradients in float64.

    Args:
        x: (B, K, H, W).
        offsets: (K, 2), dx and dy in pixels.

    Returns:
        (B, K, H, W).
    """
    height, width = x.shape[2:]
    columns = torch.arange(width, dtype=offsets.dtype, device=x.device) - offsets[:, :1]  # (K, W)
    rows = torch.arange(height, dtype=offsets.dtype, device=x.device) - offsets[:, 1:]  # (K, H)
    grid = torch.stack(
        [
            ((2 * columns + 1) / width - 1)[:, None, :].expand(-1, height, -1),
            ((2 * rows + 1) / height - 1)[:, :, None].expand(-1, -1, width),
        ],
        dim=-1,
    )
    # One grid for each channel: channels become the batch, (K, B, H, W).
    return F.grid_sample(x.transpose(0, 1), grid.to(x.dtype), align_corners=False).transpose(0, 1)
