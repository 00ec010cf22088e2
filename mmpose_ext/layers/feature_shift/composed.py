"""The shift in ordinary operators, one gather and one depthwise 2x2 convolution: for ONNX and second derivatives.

The four weights of the bilinear interpolation are the same at all pixels of a channel: a convolution. What it slides
over is the map that the integer part of the offset leaves in view, one row and one column larger.

Source, deviations and shapes: see :mod:`.taps`; B batch.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmpose_ext.layers.feature_shift.taps import taps


def shift_composed(x: Tensor, offsets: Tensor) -> Tensor:
    """Shift each channel by its own offset, Eq. (1).

    Args:
        x: (B, K, H, W).
        offsets: (K, 2), in pixels.

    Returns:
        (B, K, H, W).
    """
    channels, height, width = x.shape[1:]
    start, weight = taps(offsets, height, width)
    columns = (torch.arange(width + 1, device=x.device) + start[:, :1]).clamp(-1, width) + 1  # 0 and W + 1 are padding
    rows = (torch.arange(height + 1, device=x.device) + start[:, 1:]).clamp(-1, height) + 1
    index = (rows.unsqueeze(2) * (width + 2) + columns.unsqueeze(1)).flatten(1)  # (K, (H + 1) (W + 1))
    padded = F.pad(x, (1, 1, 1, 1)).flatten(2)
    window = torch.gather(padded, 2, index.unsqueeze(0).expand(x.shape[0], -1, -1))
    window = window.view(-1, channels, height + 1, width + 1)
    weights = torch.stack([1 - weight, weight], dim=2)  # (K, 2, 2): axis, tap
    kernel = weights[:, 1, :, None] * weights[:, 0, None, :]  # (K, 2, 2): rows, columns
    return F.conv2d(window, kernel.unsqueeze(1).to(x.dtype), groups=channels)
