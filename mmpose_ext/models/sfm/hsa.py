"""HSA, high-level spatial attention: the attention of an attention map; and plain spatial attention beside it.

Efficient Human Pose Estimation by Maximizing Fusion and High-Level Spatial Attention (SFM),
https://arxiv.org/abs/2107.13693, section III-B, Eq. (2) to (4), Fig. 4.

Deviations:
    - The paper leaves theta open. It has to take a feature map of C channels and an attention map of one channel alike,
      so it is CBAM's: mean and maximum over the channels, one convolution, and the tanh that the paper names. One theta
      serves both equations, as they have one symbol; ``shared=False`` gives each its own.
    - Weights start at zero, where the block is the identity ("even if attention does not learn anything").
    - What plain spatial attention does with its map is only drawn in the paper. Here it is Eq. (4) without its
      second order, f + f * M, so that the two blocks differ in nothing else.

Shapes: B batch, C channels, H W height and width.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["AttentionMap", "AttentionMaps", "HighLevelSpatialAttention", "SpatialAttention"]


class AttentionMaps(NamedTuple):
    """The maps inside an attention block, each (B, 1, H, W) with values in (-1, 1) but for the gain."""

    low: Tensor
    """M, the attention map of the features, Eq. (2)."""
    high: Tensor
    """M_deeper, the attention map of M, Eq. (3); zero for plain spatial attention."""
    gain: Tensor
    """What the features are multiplied by before they are added to themselves, M + M * M_deeper, in (-2, 2)."""


class AttentionMap(nn.Module):
    """The function theta: an attention map from a map of any number of channels.

    The convolution is no ``nn.Conv2d``: a backbone that it is put into would initialize that as one of its own.

    Args:
        kernel_size: Of the convolution, odd.
    """

    def __init__(self, kernel_size: int = 7) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd and positive, got {kernel_size}")
        self.weight = nn.Parameter(torch.empty(1, 2, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.empty(1))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set all to zero: every map is zero, and nothing is attended to."""
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, 1, H, W) with values in (-1, 1)."""
        pooled = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)  # (B, 2, H, W)
        return F.conv2d(pooled, self.weight, self.bias, padding=self.weight.shape[-1] // 2).tanh()


class SpatialAttention(nn.Module):
    """Plain spatial attention: the first order of HSA.

    A plugin layer: ``dict(type='SpatialAttention')`` goes wherever MMCV's plugin layers go.

    Args:
        in_channels: C, which every plugin layer is told; None takes any. The weights don't depend on it.
        kernel_size: Of the convolution in theta, odd.
    """

    _abbr_ = "spatial_attention"

    def __init__(self, in_channels: int | None = None, *, kernel_size: int = 7) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.theta = AttentionMap(kernel_size)

    def attention(self, x: Tensor) -> AttentionMaps:
        """The maps for features (B, C, H, W)."""
        check_channels(x, self.in_channels)
        low = self.theta(x)  # Eq. (2)
        return AttentionMaps(low, torch.zeros_like(low), low)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return attend(x, self.attention(x).gain)


class HighLevelSpatialAttention(nn.Module):
    """HSA: spatial attention whose map is corrected by the attention map of the map.

    A plugin layer: ``dict(type='HighLevelSpatialAttention')`` goes wherever MMCV's plugin layers go.

    Args:
        in_channels: C, which every plugin layer is told; None takes any. The weights don't depend on it.
        kernel_size: Of the convolution in theta, odd.
        shared: Whether one theta serves Eq. (2) and Eq. (3).

    Example:
        >>> import torch
        >>> from mmpose_ext.models.sfm import HighLevelSpatialAttention
        >>> tuple(HighLevelSpatialAttention()(torch.rand(1, 48, 128, 128)).shape)
        (1, 48, 128, 128)
    """

    _abbr_ = "hsa"

    def __init__(self, in_channels: int | None = None, *, kernel_size: int = 7, shared: bool = True) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.theta = AttentionMap(kernel_size)
        self.theta_high = None if shared else AttentionMap(kernel_size)

    def attention(self, x: Tensor) -> AttentionMaps:
        """The maps for features (B, C, H, W)."""
        check_channels(x, self.in_channels)
        low = self.theta(x)  # Eq. (2)
        high = self.theta(low) if self.theta_high is None else self.theta_high(low)  # Eq. (3)
        return AttentionMaps(low, high, low + low * high)  # the bracket of Eq. (4)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return attend(x, self.attention(x).gain)


def attend(x: Tensor, gain: Tensor) -> Tensor:
    """Features (B, C, H, W) plus themselves times a gain (B, 1, H, W)."""
    return x * (1 + gain)  # Eq. (4), f_in + f_in * [...]


def check_channels(x: Tensor, in_channels: int | None) -> None:
    """Raise a ValueError unless ``x`` is a map of that many channels; None allows any number."""
    if x.dim() != 4 or in_channels not in (None, x.shape[1]):
        raise ValueError(f"expected features (B, {in_channels or 'C'}, H, W), got shape {tuple(x.shape)}")
