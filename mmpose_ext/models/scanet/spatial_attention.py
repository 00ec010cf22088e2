"""Sharper spatial attention (SSA), and the soft attention that it is compared with.

Bi-directional Message Passing Based SCANet for Human Pose Estimation, section 2.3, Figures 4 and 5.

Deviations:
    - The paper does not say whether evaluation samples; here it does not (``noise="train"``), so that it is
      deterministic. With tau = 1 the map is then the normalized soft attention of Eq. (5). It is not the expectation of
      the maps of training, whose statistics the batch norms behind it have; ``noise="mean"`` evaluates with that.
    - Nor does it give the layer that makes the scores: here one 1x1 convolution.

Shapes: B batch, C channels, H W height and width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from mmpose_ext.models.scanet.maps import on_each_map
from mmpose_ext.models.scanet.sharper import (
    gumbel_noise,
    gumbel_softmax,
    log_probabilities,
    mean_gumbel_softmax,
    min_max_normalize,
    soft_attention,
)

Noise = Literal["train", "always", "never", "mean"]


class AttentionMaps(NamedTuple):
    """An attention map before and after sharpening, each (B, 1, H, W)."""

    soft: Tensor
    """f, sums to one over all positions."""
    normalized: Tensor
    """f^n of Eq. (5), from 0 to 1."""
    sharp: Tensor
    """f^sharp of Eq. (9), from 0 to 1."""


class SharperSpatialAttention(nn.Module):
    """SSA: one weight for each position, close to 1 on the person and to 0 elsewhere.

    As a plugin layer it maps a map to a map of the same shape, as a neck each map of a tuple.

    Args:
        in_channels: C.
        tau: Temperature of Eq. (9).
        sharp: False for plain soft attention, the other curve of Figure 4.
        noise: When Gumbel noise is drawn: in training, always, or never; ``'mean'`` draws it in training and evaluates
            with the expectation of the map, see :func:`.mean_gumbel_softmax`. Noise comes from PyTorch's global
            generator, so a seeded run is reproducible.

    Raises:
        ValueError: If tau is not a positive number, noise is unknown, or a map has other than ``in_channels`` channels.
    """

    def __init__(self, in_channels: int, *, tau: float = 1.0, sharp: bool = True, noise: Noise = "train") -> None:
        super().__init__()
        if not (isinstance(tau, (int, float)) and 0 < tau < math.inf):
            raise ValueError(f"tau must be a positive number, got {tau!r}")
        if noise not in get_args(Noise):
            raise ValueError(f"noise must be one of {', '.join(get_args(Noise))}, got {noise!r}")
        self.in_channels = in_channels
        self.out_channels = in_channels
        self.tau = tau
        self.sharp = sharp
        self.noise: Noise = noise
        self.score = nn.Conv2d(in_channels, 1, 1)

    def extra_repr(self) -> str:
        """Name temperature, kind and noise."""
        return f"tau={self.tau}, sharp={self.sharp}, noise={self.noise!r}"

    def attention(self, x: Tensor) -> AttentionMaps:
        """Compute the attention maps of ``x``, shape (B, C, H, W), in float32 at least."""
        scores = self.score(x)
        with torch.autocast(x.device.type, enabled=False):
            soft = soft_attention(scores.to(torch.promote_types(scores.dtype, torch.float32)))
            normalized = min_max_normalize(soft)
            log_p = log_probabilities(normalized)
            if self.noise == "mean" and not self.training:
                return AttentionMaps(soft, normalized, mean_gumbel_softmax(log_p, self.tau))
            drawn = self.noise == "always" or (self.noise != "never" and self.training)
            noise = gumbel_noise(log_p) if drawn else 0.0
            return AttentionMaps(soft, normalized, gumbel_softmax(log_p, noise, self.tau))

    def attend(self, x: Tensor) -> Tensor:
        """Weight (B, C, H, W) by its attention map."""
        maps = self.attention(x)
        return x * (maps.sharp if self.sharp else maps.soft).to(x.dtype)

    def forward(self, x: Tensor | Sequence[Tensor]) -> Tensor | tuple[Tensor, ...]:
        """Attend to one map (B, C, H, W), or to each of several; shapes stay."""
        return on_each_map(self.attend, x, self.in_channels)
