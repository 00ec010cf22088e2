"""Semantics-aware channel-wise attention (SACWA): more context, and a gate for each channel.

Bi-directional Message Passing Based SCANet for Human Pose Estimation, section 2.2, equation (4), Figure 3. The gate is
MMPose's squeeze-and-excitation layer.

Deviations:
    - The paper gives neither the widths of the two dilated convolutions (here C -> 2C -> C, with which the published
      15.6M parameters come out), nor the activations behind them (here ReLU), nor the ratio of the gate (here 16).

Shapes: B batch, C channels, H W height and width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmpose.models.backbones.utils import SELayer
from torch import Tensor, nn

from mmpose_ext.models.scanet.maps import on_each_map


class SemanticsEncoder(nn.Module):
    """Two dilated 3x3 convolutions beside the input itself, Eq. (4).

    Args:
        channels: C.
        middle_channels: Channels between the two convolutions; None for 2C.
    """

    def __init__(self, channels: int, middle_channels: int | None = None) -> None:
        super().__init__()
        middle = 2 * channels if middle_channels is None else middle_channels
        self.conv1 = nn.Conv2d(channels, middle, 3, padding=2, dilation=2)
        self.conv2 = nn.Conv2d(middle, channels, 3, padding=4, dilation=4)

    def forward(self, x: Tensor) -> Tensor:
        """Map O of shape (B, C, H, W) to U of shape (B, 2C, H, W)."""
        wide = F.relu(self.conv2(F.relu(self.conv1(x), inplace=True)), inplace=True)  # D(O)
        return torch.cat((wide, x), dim=1)  # Eq. (4)


class SemanticsAwareChannelAttention(nn.Module):
    """SACWA: the semantics encoder and the feature selector behind it.

    It doubles the channels. As a plugin layer it maps a map to a map, as a neck each map of a tuple.

    Args:
        in_channels: C.
        middle_channels: Channels inside the encoder; None for 2C.
        ratio: By how much the gate squeezes.

    Raises:
        ValueError: If the gate would have no channel left, or a map has other than ``in_channels`` channels.
    """

    def __init__(self, in_channels: int, *, middle_channels: int | None = None, ratio: int = 16) -> None:
        super().__init__()
        if ratio < 1 or 2 * in_channels < ratio:
            raise ValueError(f"ratio must be between 1 and {2 * in_channels}, twice the in_channels, got {ratio}")
        self.in_channels = in_channels
        self.out_channels = 2 * in_channels
        self.encoder = SemanticsEncoder(in_channels, middle_channels)
        self.selector = SELayer(self.out_channels, ratio=ratio)

    def attend(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, 2C, H, W)."""
        return self.selector(self.encoder(x))

    def forward(self, x: Tensor | Sequence[Tensor]) -> Tensor | tuple[Tensor, ...]:
        """Attend to one map (B, C, H, W), or to each of several; twice the channels come out."""
        return on_each_map(self.attend, x, self.in_channels)
