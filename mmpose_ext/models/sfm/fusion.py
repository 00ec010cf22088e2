"""Eq. (1), the fusion of a map with one that came before it; and what stands at a node of a pyramid.

Efficient Human Pose Estimation by Maximizing Fusion and High-Level Spatial Attention (SFM),
https://arxiv.org/abs/2107.13693, section III-A.

Deviations:
    - The paper names no block. The default is ResNet's bottleneck with a quarter of the channels inside, one at each
      node, which lands on the published counts; the others are there to be tried.

Shapes: B batch, C channels, H W height and width of the finer map.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from mmcv.cnn import ConvModule, DepthwiseSeparableConvModule
from mmpose.models.backbones.resnet import BasicBlock, Bottleneck
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["BLOCKS", "FUSIONS", "AddFusion", "ConcatFusion", "Residual", "build_block", "build_fusion"]


class ConcatFusion(nn.Module):
    """F of Eq. (1) as a concatenation, which a 1x1 convolution brings back to one map's channels.

    Args:
        in_channels: Channels of X_l.
        out_channels: Channels of X_history and of the result.
        upsample: Whether X_l has half the height and width.
        norm_cfg: Config of the normalization.
    """

    def __init__(self, in_channels: int, out_channels: int, *, upsample: bool, norm_cfg: dict) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest") if upsample else nn.Identity()
        self.conv: nn.Module | None = ConvModule(in_channels + out_channels, out_channels, 1, norm_cfg=norm_cfg)
        self.current: nn.Conv2d | None = None
        self.history: nn.Conv2d | None = None

    def forward(self, x: Tensor, history: Tensor) -> Tensor:
        """Fuse X_l, (B, C_in, H / 2, W / 2) where it is upsampled, with X_history (B, C, H, W)."""
        if self.conv is None:
            return (self.upsample(self.current(x)) + self.history(history)).relu_()  # type: ignore[misc]
        return self.conv(torch.cat([self.upsample(x), history], 1))  # Eq. (1)

    def switch_to_deploy(self, test_cfg: dict | None = None) -> None:
        """Split the convolution, so that one half works on the small map; for inference only.

        A 1x1 convolution of a concatenation is the sum of two, and it commutes with nearest neighbors: the same
        output from fewer operations. Does nothing for another normalization than batch norm, or a second time.

        Args:
            test_cfg: What MMPose hands to every such method; nothing of it is used here.
        """
        del test_cfg
        if self.conv is None or not isinstance(self.conv.norm, nn.BatchNorm2d):
            return
        fused = fuse_conv_bn_eval(self.conv.conv, self.conv.norm)
        first, second = fused.weight.detach().split([self.in_channels, fused.out_channels], 1)
        self.current = pointwise(first, None)
        self.history = pointwise(second, fused.bias)
        self.conv = None


def pointwise(weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    """A 1x1 convolution with a given weight (C_out, C_in, 1, 1) and bias."""
    conv = nn.Conv2d(weight.shape[1], weight.shape[0], 1, bias=bias is not None)
    conv.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last), requires_grad=False)
    if bias is not None:
        conv.bias = nn.Parameter(bias.detach(), requires_grad=False)
    return conv.eval()


class AddFusion(nn.Module):
    """F of Eq. (1) as a sum: no parameter, but where a projection has to make the channels equal.

    Args:
        in_channels: Channels of X_l.
        out_channels: Channels of X_history and of the result.
        upsample: Whether X_l has half the height and width.
        norm_cfg: Config of the normalization.
    """

    def __init__(self, in_channels: int, out_channels: int, *, upsample: bool, norm_cfg: dict) -> None:
        super().__init__()
        equal = in_channels == out_channels
        self.project = (
            nn.Identity() if equal else ConvModule(in_channels, out_channels, 1, norm_cfg=norm_cfg, act_cfg=None)
        )
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest") if upsample else nn.Identity()

    def forward(self, x: Tensor, history: Tensor | None) -> Tensor:
        """Fuse X_l, (B, C_in, H / 2, W / 2) where it is upsampled, with X_history (B, C, H, W), or pass X_l on."""
        x = self.upsample(self.project(x))
        return x if history is None else x + history  # Eq. (1)


FUSIONS: dict[str, type[ConcatFusion] | type[AddFusion]] = {"concat": ConcatFusion, "add": AddFusion}
"""The forms of F."""


def build_fusion(name: str, in_channels: int, out_channels: int, *, upsample: bool, norm_cfg: dict) -> nn.Module:
    """Build F of Eq. (1).

    Raises:
        ValueError: If there is no such fusion.
    """
    if name not in FUSIONS:
        raise ValueError(f"a fusion must be one of {sorted(FUSIONS)}, got {name!r}")
    return FUSIONS[name](in_channels, out_channels, upsample=upsample, norm_cfg=norm_cfg)


class Residual(nn.Module):
    """A body with a shortcut around it and a ReLU behind.

    Args:
        body: Keeps the shape.
    """

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return (x + self.body(x)).relu()


BLOCKS: dict[str, Callable[[int, dict], nn.Module]] = {
    "bottleneck": lambda channels, norm_cfg: Bottleneck(channels, channels, expansion=4, norm_cfg=norm_cfg),
    "basic": lambda channels, norm_cfg: BasicBlock(channels, channels, norm_cfg=norm_cfg),
    "conv": lambda channels, norm_cfg: ConvModule(channels, channels, 3, padding=1, norm_cfg=norm_cfg),
    "separable": lambda channels, norm_cfg: Residual(
        DepthwiseSeparableConvModule(channels, channels, 3, padding=1, norm_cfg=norm_cfg, pw_act_cfg=None)
    ),
}
"""The "forward operation" of Fig. 2: extracts features without changing the size."""


def build_block(name: str, channels: int, norm_cfg: dict) -> nn.Module:
    """Build one block.

    Raises:
        ValueError: If there is no such block, or the channels don't fit it.
    """
    if name not in BLOCKS:
        raise ValueError(f"block must be one of {sorted(BLOCKS)}, got {name!r}")
    if name == "bottleneck" and channels % 4:
        raise ValueError(f"channels of a bottleneck must be divisible by 4, got {channels}")
    return BLOCKS[name](channels, norm_cfg)
