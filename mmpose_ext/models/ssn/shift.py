"""The shifting layer of SSN with its learned offsets.

Spatial Shortcut Network for Human Pose Estimation (SSN), section 3.1, Eq. (1), Figure 3.

Deviations:
    - The paper gives no unit for the offsets and their learning rate, 1e-3. Here, as in the authors' development code,
      an offset is a fraction of the longer side of the map, so that 1e-3 is a step of 0.06 pixels at 64x48. In pixels
      1e-3 would hardly move them.
    - They start at 0, where the derivative from the left counts (:mod:`mmpose_ext.layers.feature_shift.taps`).

Shapes: B batch, K shifting channels, H W height and width of the map.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmpose_ext.layers.feature_shift import feature_shift


class LearnedShift(nn.Module):
    """Shift each channel by an offset of its own that is learned.

    Args:
        channels: K.

    Raises:
        ValueError: If ``channels`` is below 1.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        if channels < 1:
            raise ValueError(f"expected at least 1 shifting channel, got {channels}")
        self.offsets = nn.Parameter(torch.zeros(channels, 2))  # (dx, dy) / max(H, W)

    def extra_repr(self) -> str:
        """Name the number of channels."""
        return f"channels={len(self.offsets)}"

    def pixel_offsets(self, height: int, width: int) -> Tensor:
        """Offsets (dx, dy) in pixels of a map of that size, (K, 2); positive is right and down."""
        return self.offsets * max(height, width)

    def forward(self, x: Tensor) -> Tensor:
        """Shift a map (B, K, H, W); same shape."""
        return feature_shift(x, self.pixel_offsets(*x.shape[2:]))  # Eq. (1)
