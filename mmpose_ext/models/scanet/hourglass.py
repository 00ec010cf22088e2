"""The hourglass of Newell et al. with pre-activation residuals: the base that BDMP-SCANet is built on.

Stacked Hourglass Networks for Human Pose Estimation, https://arxiv.org/abs/1603.06937, sections 3.1 and 3.2.

Deviations: none. MMPose's ``HourglassNet`` is another one: CornerNet's, with basic blocks, strided convolutions and up
to 512 channels, 28 times as large.

Shapes: B batch, C channels, H W height and width.
"""

from __future__ import annotations

import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from torch import Tensor, nn

from mmpose_ext.layers.checkpointing import checkpointed


def make_norm(norm_cfg: dict, channels: int) -> nn.Module:
    """Build a normalization.

    Args:
        norm_cfg: Config such as ``dict(type='BN')``.
        channels: C.

    Raises:
        ValueError: If MMCV knows no normalization of that name, or its arguments don't fit.
    """
    try:
        return build_norm_layer(norm_cfg, channels)[1]
    except (KeyError, TypeError, AssertionError, ValueError) as error:
        raise ValueError(
            "norm_cfg must be the config of a normalization of MMCV, such as dict(type='BN'), dict(type='SyncBN') or "
            f"dict(type='GN', num_groups=32) with num_groups dividing {channels}, got {norm_cfg!r}"
        ) from error


class PreActivationResidual(nn.Module):
    """Norm, ReLU, convolution three times (1x1, 3x3, 1x1), and a shortcut: the residual module of section 3.1.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output; half as many inside.
        norm_cfg: Config of the normalization.

    Attributes:
        with_cp: Whether training keeps only the input and computes the inside again for the gradient.
    """

    execution_order = tuple(f"{part}{i}" for i in (1, 2, 3) for part in ("norm", "relu", "conv"))

    def __init__(self, in_channels: int, out_channels: int, *, norm_cfg: dict) -> None:
        super().__init__()
        self.with_cp = False
        middle = out_channels // 2
        self.norm1 = make_norm(norm_cfg, in_channels)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(in_channels, middle, 1)
        self.norm2 = make_norm(norm_cfg, middle)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(middle, middle, 3, padding=1)
        self.norm3 = make_norm(norm_cfg, middle)
        self.relu3 = nn.ReLU(inplace=True)
        self.conv3 = nn.Conv2d(middle, out_channels, 1)
        self.shortcut = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C_in, H, W) to (B, C_out, H, W)."""
        inside = checkpointed(self, self.residual, x) if self.with_cp else self.residual(x)
        return inside + self.shortcut(x)

    def residual(self, x: Tensor) -> Tensor:
        """The three convolutions without the shortcut."""
        out = self.conv1(self.relu1(self.norm1(x)))
        out = self.conv2(self.relu2(self.norm2(out)))
        return self.conv3(self.relu3(self.norm3(out)))


class Hourglass(nn.Module):
    """Pool and process ``depth`` times, then come back up, adding what each resolution kept: section 3.1, Figure 3.

    Args:
        depth: How often the resolution is halved.
        channels: C, the same at every resolution.
        norm_cfg: Config of the normalization.
    """

    def __init__(self, depth: int, channels: int, *, norm_cfg: dict) -> None:
        super().__init__()

        def residuals(number: int) -> nn.ModuleList:
            return nn.ModuleList(PreActivationResidual(channels, channels, norm_cfg=norm_cfg) for _ in range(number))

        self.skip = residuals(depth)  # in the order of the resolutions, the highest first, as all that follow
        self.down = residuals(depth)
        self.bottom = PreActivationResidual(channels, channels, norm_cfg=norm_cfg)
        self.up = residuals(depth)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Decode at every resolution.

        Args:
            x: Map of shape (B, C, H, W), H and W multiples of 2^depth.

        Returns:
            One map per level, the highest resolution first: (B, C, H, W), (B, C, H / 2, W / 2), and so on. These are
            the F_11 to F_14 of BDMP-SCANet; the first alone is what Newell's network goes on with.
        """
        skips = []
        for skip, down in zip(self.skip, self.down, strict=True):
            skips.append(skip(x))
            x = down(F.max_pool2d(x, 2))
        x = self.bottom(x)
        decoded: list[Tensor] = []
        for skipped, up in zip(reversed(skips), reversed(self.up), strict=True):
            x = skipped + F.interpolate(up(x), scale_factor=2.0, mode="nearest")
            decoded.insert(0, x)
        return tuple(decoded)
