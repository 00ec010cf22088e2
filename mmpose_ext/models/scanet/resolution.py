"""Arithmetic on nearest-upsampled maps at the resolution of the small one, with the same result.

A map upsampled by a factor f holds the same value f x f times, so a 3x3 convolution of it has only 9 different results
for each pixel of the small map (4 for f = 2), each with a collapsed kernel of one or two taps per axis.

Deviations: none (no paper; the arithmetic is that of upsampling followed by a zero-padded ``nn.Conv2d``, up to
rounding).

Shapes: B batch, C channels, H W height and width of the small map, f factor; P phases, the different positions in a
block of f.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def upsample(x: Tensor, factor: int) -> Tensor:
    """Upsample (B, C, H, W) to (B, C, fH, fW) by the nearest value."""
    return x if factor == 1 else F.interpolate(x, scale_factor=float(factor), mode="nearest")


def collapsed_kernels(weight: Tensor, factor: int) -> Tensor:
    """Kernels of the small map, one for each different result of a 3x3 convolution of the upsampled one.

    In a block of f equal values, the first position also reaches into the block before and the last one into the block
    after it; all others see their own block only. So per axis there are three kernels on (before, own, after):
    (a, b + c, 0), (0, a + b + c, 0) and (0, a + b, c). With f = 2 there is no position between first and last.

    Args:
        weight: Shape (O, C, 3, 3).
        factor: f, at least 2.

    Returns:
        Shape (P, P, O, C, 3, 3), P = 2 for f = 2 and 3 otherwise.
    """
    phases = [[[1, 0, 0], [0, 1, 1], [0, 0, 0]], [[0, 0, 0], [1, 1, 1], [0, 0, 0]], [[0, 0, 0], [1, 1, 0], [0, 0, 1]]]
    if factor == 2:
        del phases[1]
    collapse = weight.new_tensor(phases)  # (phase, tap of the small map, tap of the full map)
    return torch.einsum("pim,qjn,ocmn->pqocij", collapse, collapse, weight)


def convolve_upsampled(x: Tensor, weight: Tensor, bias: Tensor | None, factor: int) -> Tensor:
    """Compute ``conv2d(upsample(x, f), weight, bias, padding=1)`` at the resolution of ``x``.

    Args:
        x: Shape (B, C, H, W).
        weight: Shape (O, C, 3, 3).
        bias: Shape (O,), or None.
        factor: f.

    Returns:
        Shape (B, O, fH, fW), in ``channels_last`` memory.
    """
    if factor == 1:
        return F.conv2d(x, weight, bias, padding=1)
    kernels = collapsed_kernels(weight, factor)
    phases = kernels.shape[0]
    out = F.conv2d(x, kernels.flatten(0, 2), None if bias is None else bias.repeat(phases**2), padding=1)
    out = out.permute(0, 2, 3, 1).unflatten(3, (phases, phases, -1))  # (B, H, W, P, P, O)
    out = out.transpose(2, 3)  # (B, H, P, W, P, O)
    out = spread_phases(spread_phases(out, 4, factor), 2, factor)  # (B, H, f, W, f, O)
    return out.flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)


def spread_phases(x: Tensor, dim: int, factor: int) -> Tensor:
    """Make a dimension of P phases one of f positions, by repeating the middle one f - 2 times."""
    first, *middle, last = x.split(1, dim)
    repeated = [one.expand(*x.shape[:dim], factor - 2, *x.shape[dim + 1 :]) for one in middle]
    return torch.cat((first, *repeated, last), dim)
