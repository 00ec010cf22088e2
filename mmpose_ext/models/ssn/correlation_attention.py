"""Correlation attention (CA): where in the image each shifted channel counts.

Spatial Shortcut Network for Human Pose Estimation (SSN), section 3.2, Eq. (6); supplement 3 for the light networks.

Deviations:
    - A batch norm behind the convolution, which Eq. (6) does not show and without which the published numbers of
      parameters do not come out.
    - The sum in the denominator is kept away from zero by 1e-6.

Shapes: B batch, C channels, K shifting channels, H W height and width of the map.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from torch import Tensor, nn

Activation = Literal["softplus", "sigmoid"]


def spatial_normalization(f: Tensor) -> Tensor:
    """Divide a positive map (B, K, H, W) by its sum over all positions, the upper half of Eq. (6)."""
    return f / f.sum((2, 3), keepdim=True).clamp_min(1e-6)


class CorrelationAttention(nn.Module):
    """Weights between 0 and 1 for each shifted channel at each position.

    Args:
        in_channels: C.
        shift_channels: K.
        activation: ``'softplus'``, followed by the normalization over all positions, or ``'sigmoid'`` without it (the
            light networks: their shallow layers do not focus stably).
        norm_cfg: Config of the normalization; BN by default.

    Raises:
        ValueError: If the activation is unknown.
    """

    def __init__(
        self,
        in_channels: int,
        shift_channels: int,
        *,
        activation: Activation = "softplus",
        norm_cfg: dict | None = None,
    ) -> None:
        super().__init__()
        if activation not in get_args(Activation):
            raise ValueError(f"expected one of {', '.join(get_args(Activation))} as activation, got {activation!r}")
        self.activation = activation
        self.conv = nn.Conv2d(in_channels, shift_channels, 1)  # w^f
        self.norm = build_norm_layer(norm_cfg or dict(type="BN"), shift_channels)[1]

    def extra_repr(self) -> str:
        """Name the activation."""
        return f"activation={self.activation!r}"

    def forward(self, x: Tensor) -> Tensor:
        """Attention F of shape (B, K, H, W) for a map (B, C, H, W)."""
        f = self.norm(self.conv(x))
        if self.activation == "sigmoid":
            return f.sigmoid()
        return spatial_normalization(F.softplus(f))  # Eq. (6)
