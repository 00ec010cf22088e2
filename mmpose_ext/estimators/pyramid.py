"""Image pyramids for one person: crops at several zooms, and their heatmaps brought back to one frame.

Zoom z shows the person z times as large, with the same center. Of a map with its zoom center at c, position p of zoom 1
is position c + (p - c) z of zoom z. A position that a zoomed-in crop does not show gets nothing from that crop and is
averaged over the others.

BDMP-SCANet and the hourglass networks before it name the pyramid and not its arithmetic.

Shapes: B batch, C channels (K keypoints), H W height and width of a map; S zooms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Resampled(NamedTuple):
    """Maps read at other positions."""

    maps: Tensor
    """Shape (B, C, H, W), zero where nothing is known."""
    known: Tensor
    """Share of each value that came from inside the map, from 0 to 1, shape (H, W)."""


def resample(maps: Tensor, factor: float, *, center: tuple[float, float]) -> Resampled:
    """Read maps at ``center + (position - center) * factor``, bilinearly.

    With ``factor`` z the heatmap of zoom z comes back to the frame of zoom 1; with 1 / z an image of zoom 1 is zoomed.

    Args:
        maps: Shape (B, C, H, W).
        factor: Positive.
        center: (x, y), the position that stays, in pixels; the middle of the first pixel is 0.
    """
    height, width = maps.shape[2:]
    if factor == 1:
        return Resampled(maps, maps.new_ones(height, width))
    axes = []
    for size, middle in ((height, center[1]), (width, center[0])):
        position = middle + (torch.arange(size, device=maps.device, dtype=torch.float32) - middle) * factor
        axes.append((2 * position + 1) / size - 1)  # as grid_sample counts with align_corners=False
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij")[::-1], dim=-1).to(maps.dtype)[None]

    def sample(x: Tensor) -> Tensor:
        return F.grid_sample(x, grid.expand(len(x), -1, -1, -1), padding_mode="zeros", align_corners=False)

    return Resampled(sample(maps), sample(maps.new_ones(1, 1, height, width))[0, 0])


def average(heatmaps: Iterable[Tensor], zooms: Sequence[float], *, center: tuple[float, float]) -> Tensor:
    """Bring the heatmaps of all zooms to the frame of zoom 1 and average them there.

    Args:
        heatmaps: One tensor (B, K, H, W) per zoom; they are taken one at a time.
        zooms: S positive numbers.
        center: (x, y) of the zoom's center in heatmap pixels.

    Returns:
        Shape (B, K, H, W); zero where no crop shows anything.
    """
    total = weight = None
    for maps, zoom in zip(heatmaps, zooms, strict=True):
        back, known = resample(maps, zoom, center=center)
        total = back if total is None else total + back
        weight = known if weight is None else weight + known
    if total is None or weight is None:
        raise ValueError("expected at least one zoom, got none")
    return total / weight.clamp_min(torch.finfo(total.dtype).eps)


def split_strip(inputs: Tensor, number: int) -> tuple[Tensor, ...]:
    """Cut the strip of crops that ``PyramidTopdownAffine`` makes.

    Args:
        inputs: Crops below each other, shape (B, 3, S H, W).
        number: S.

    Returns:
        S tensors (B, 3, H, W).
    """
    return tuple(part.contiguous() for part in inputs.chunk(number, dim=2))


def check_zooms(zooms: Sequence[float]) -> tuple[float, ...]:
    """Return the zooms as a tuple of numbers; raise a ValueError unless there is one and all are positive."""
    if isinstance(zooms, (str, int, float)) or not zooms or any(not zoom > 0 for zoom in zooms):
        raise ValueError(f"zooms must be a sequence of positive numbers, such as (0.8, 1.0, 1.2), got {zooms!r}")
    return tuple(float(zoom) for zoom in zooms)
