"""Where a shifted map reads from: the integer and the fractional part of the offsets.

Spatial Shortcut Network for Human Pose Estimation (SSN), section 3.1, Eq. (1):
``S_k(x, y) = R*_k(x - dx_k, y - dy_k)``, R* bilinear and zero outside of the map. With ``c = ceil(d)`` and
``f = c - d`` in [0, 1), one axis is ``S(x) = (1 - f) R(x - c) + f R(x - c + 1)``: two neighboring pixels, the first of
which lies at ``x + start`` with ``start = -c``.

At an integer offset f is 0, and the derivative ``R(x - d) - R(x - d + 1)`` is the one from the left. That matters,
because offsets start at 0: an interpolation that is symmetric there has no gradient, and the offset never moves.

The gradient with respect to R is the same operation with the offset -d: ``start = c - 1`` and weights f, 1 - f.

Shapes: K channels, H W height and width of a map.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Taps(NamedTuple):
    """Which pixels a shift reads, along both axes.

    Attributes:
        start: (K, 2) integers; the pixel at (x, y) is made of those at x + start_x (+ 1) and y + start_y (+ 1).
        weight: (K, 2), share of the pixel with the + 1, in [0, 1]; differentiable with respect to the offsets.
    """

    start: Tensor
    weight: Tensor


def taps(offsets: Tensor, height: int, width: int, *, adjoint: bool = False) -> Taps:
    """Split offsets into an integer and a fractional part.

    Offsets beyond the map are cut to the first that leaves nothing in view: no number overflows.

    Args:
        offsets: (K, 2), dx and dy in pixels.
        height: H.
        width: W.
        adjoint: Whether the taps are those of the gradient with respect to the input.
    """
    ceiling = offsets.detach().ceil()
    fraction = ceiling - offsets
    start, weight = (ceiling - 1, 1 - fraction) if adjoint else (-ceiling, fraction)
    size = torch.tensor([width, height], dtype=start.dtype, device=start.device)
    return Taps(start.clamp(-(size + 1), size).long(), weight)
