"""A 1x1 convolution as one matrix product, for ``channels_last`` maps, and between both layouts of memory.

The arithmetic is that of ``nn.Conv2d``. On a CPU a convolution primitive costs tens of
microseconds before it starts, which a network of hundreds of small 1x1 convolutions feels; a matrix product doesn't.

Shapes: B batch, C channels, H W height and width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["FromPlanes", "PointwiseConv2d", "ToPlanes", "is_pointwise", "use_pointwise"]


class PointwiseConv2d(nn.Conv2d):
    """A dense 1x1 convolution of stride 1, computed as a matrix product over the channels.

    Same weights, same state dict, same output as the ``nn.Conv2d`` that it is made from.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        bias: Whether to add a bias.
    """

    def __init__(self, in_channels: int, out_channels: int, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C_in, H, W) to (B, C_out, H, W); the result lies in ``channels_last`` memory."""
        if torch.onnx.is_in_onnx_export():  # runtimes know a convolution, and keep maps as (B, C, H, W)
            return super().forward(x)
        return F.linear(x.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias).permute(0, 3, 1, 2)


class ToPlanes(nn.Conv2d):
    """A 1x1 convolution from a ``channels_last`` map to contiguous planes, (B, C, H, W), which no copy has to make.

    Args:
        conv: The dense 1x1 convolution that it is made from, whose parameters it takes over.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__(conv.in_channels, conv.out_channels, 1, bias=conv.bias is not None, device="meta")
        self.weight, self.bias = conv.weight, conv.bias

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C_in, H, W) to (B, C_out, H, W)."""
        if torch.onnx.is_in_onnx_export():
            return super().forward(x)
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2).transpose(1, 2)  # (B, C_in, HW), a view of a channels_last map
        weight = self.weight.flatten(1).expand(x.shape[0], -1, -1)
        out = torch.bmm(weight, pixels) if self.bias is None else torch.baddbmm(self.bias[:, None], weight, pixels)
        return out.unflatten(2, x.shape[2:])


class FromPlanes(ToPlanes):
    """A 1x1 convolution from contiguous planes, (B, C, H, W), to a ``channels_last`` map.

    Args:
        conv: The dense 1x1 convolution that it is made from, whose parameters it takes over.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C_in, H, W) to (B, C_out, H, W)."""
        if torch.onnx.is_in_onnx_export():
            return super().forward(x)
        pixels = x.flatten(2).transpose(1, 2)  # (B, HW, C_in)
        weight = self.weight.flatten(1).t().expand(x.shape[0], -1, -1)
        out = torch.bmm(pixels, weight) if self.bias is None else torch.baddbmm(self.bias, pixels, weight)
        return out.unflatten(1, x.shape[2:]).permute(0, 3, 1, 2)


def is_pointwise(module: nn.Module) -> bool:
    """Whether ``module`` is a dense 1x1 convolution of stride 1 that is not a :class:`PointwiseConv2d` yet."""
    return (
        type(module) is nn.Conv2d
        and module.kernel_size == (1, 1)
        and module.stride == (1, 1)
        and module.padding == (0, 0)
        and module.groups == 1
    )


def use_pointwise(model: nn.Module) -> None:
    """Replace every dense 1x1 convolution inside ``model`` by a :class:`PointwiseConv2d`, in place."""
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if is_pointwise(child):
                pointwise = PointwiseConv2d(child.in_channels, child.out_channels, bias=child.bias is not None)
                pointwise.weight, pointwise.bias = child.weight, child.bias
                parent._modules[name] = pointwise.train(child.training)
