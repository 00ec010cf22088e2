"""The arithmetic of folding: a norm with fixed statistics is an affine map of each channel.

A norm s x + b with a ReLU behind it can go into the convolution that follows: where s > 0,
relu(s x + b) = s max(x, -b / s) + b, and where s < 0 it is s min(x, -b / s) + b. One pass over the map clamps it, and
what is left is affine, which the weights take in. That is exact for a convolution without padding; padding puts in
zeros behind the norm, which the clamped map doesn't have.

Shapes: B batch, C channels, H W height and width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["ChannelClamp", "affine_of", "fold_into_next"]


class ChannelClamp(nn.Module):
    """Clamp each channel to a range of its own.

    Args:
        low: Lower bounds, (C,).
        high: Upper bounds, (C,).
    """

    def __init__(self, low: Tensor, high: Tensor) -> None:
        super().__init__()
        self.register_buffer("low", low[:, None, None])
        self.register_buffer("high", high[:, None, None])
        self.only_low = bool(high.isinf().all())

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return torch.maximum(x, self.low) if self.only_low else torch.clamp(x, self.low, self.high)

    def _load_from_state_dict(self, *args: Any) -> None:
        super()._load_from_state_dict(*args)
        self.only_low = bool(self.high.isinf().all())


def affine_of(norm: _BatchNorm) -> tuple[Tensor, Tensor]:
    """Scale and bias of a batch norm in evaluation, each (C,).

    Args:
        norm: With running statistics.
    """
    scale = (norm.running_var + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * norm.weight.detach()
    bias = -norm.running_mean * scale
    return scale, bias if norm.bias is None else bias + norm.bias.detach()


def fold_into_next(scale: Tensor, bias: Tensor, conv: nn.Conv2d) -> ChannelClamp:
    """Fold relu(scale x + bias) into the convolution behind it, which is changed in place.

    Args:
        scale: (C,).
        bias: (C,).
        conv: Without padding; C input channels.

    Returns:
        What stands in place of norm and ReLU.
    """
    constant = scale.abs() <= bias.abs() / (torch.finfo(scale.dtype).max / 4)  # where the threshold would be infinite
    threshold = -bias / torch.where(constant, 1, scale)
    infinite = torch.full_like(scale, torch.inf)
    clamp = ChannelClamp(
        torch.where(~constant & (scale > 0), threshold, -infinite),
        torch.where(~constant & (scale < 0), threshold, infinite),
    )
    scale, bias = torch.where(constant, 0, scale), torch.where(constant, bias.clamp_min(0), bias)
    with torch.no_grad():
        per_output = conv.out_channels // conv.groups
        by_group = (conv.groups, 1, conv.in_channels // conv.groups, 1, 1)
        grouped = conv.weight.unflatten(0, (conv.groups, per_output))  # (G, C_out / G, C / G, k, k)
        moved = (grouped * bias.view(by_group)).sum((2, 3, 4)).flatten()
        weight = (grouped * scale.view(by_group)).flatten(0, 1)
        conv.weight = nn.Parameter(weight.to(memory_format=_layout(conv.weight)), conv.weight.requires_grad)
        conv.bias = nn.Parameter(moved if conv.bias is None else conv.bias + moved, conv.weight.requires_grad)
    return clamp.eval()


def _layout(weight: Tensor) -> torch.memory_format:
    last = weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()
    return torch.channels_last if last else torch.contiguous_format
