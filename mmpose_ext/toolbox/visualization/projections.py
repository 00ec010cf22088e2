"""Heatmaps as pairs of vectors, and two ways to join them again (Fig. 1 and 3 of X-HRNet's paper).

X-HRNet: Towards Lightweight Human Pose Estimation with Spatially Unidimensional Self-Attention,
https://doi.org/10.1109/ICME52920.2022.9859751.

Deviations:
    - The paper does not say what projects a heatmap. Here it is the maximum over the other axis, which loses nothing of
      a Gaussian.

Shapes: K keypoints, H W height and width.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from mmpose_ext.toolbox.visualization import Panel, Sample
from mmpose_ext.toolbox.visualization.drawing import heat
from mmpose_ext.toolbox.visualization.heatmaps import focus, heatmaps_of

__all__ = ["Projections", "fusion_panels", "project", "projection_panels", "reconstruct", "unit_range"]

_MARGIN = 0.25
"""Height of the curves as a share of the image."""


class Projections(NamedTuple):
    """What remains of each heatmap."""

    rows: Tensor
    """(K, H)."""
    columns: Tensor
    """(K, W)."""


def project(heatmaps: Tensor) -> Projections:
    """Project heatmaps (K, H, W), values below 0 cut off, on both axes."""
    positive = heatmaps.clamp_min(0)
    return Projections(positive.amax(2), positive.amax(1))


def reconstruct(projections: Projections) -> Tensor:
    """Heatmaps (K, H, W) with these projections: the products of both vectors over their peak."""
    rows, columns = projections
    peak = rows.amax(1).clamp_min(1e-12)
    return rows[:, :, None] * columns[:, None, :] / peak[:, None, None]


def unit_range(values: Tensor) -> Tensor:
    """Scale values of any shape to 0 to 1."""
    low, high = values.min(), values.max()
    return (values - low) / (high - low).clamp_min(1e-12)


def projection_panels(model: nn.Module, sample: Sample) -> list[Panel]:
    """Fig. 1: the heatmaps with their projections beside them, and the heatmaps that these vectors make.

    Args:
        model: A pose estimator with heatmaps, in ``eval()`` mode.
        sample: One person.

    Raises:
        ValueError: If the head has no heatmaps.
    """
    heatmaps = heatmaps_of(model, sample).clamp_min(0)
    projections = project(heatmaps)
    again = reconstruct(projections)
    error = float((again - heatmaps).norm() / heatmaps.norm().clamp_min(1e-12))
    limits = (0.0, float(heatmaps.max()))
    drawn = heat(sample.image, heatmaps.amax(0).numpy(), limits=limits)
    return [
        Panel(f"{len(heatmaps)} heatmaps, projected", _with_curves(drawn, projections)),
        Panel(f"reconstructed, error {error:.1%}", heat(sample.image, again.amax(0).numpy(), limits=limits)),
    ]


def _with_curves(image: np.ndarray, projections: Projections) -> np.ndarray:
    """An image with the vectors of its columns above it and those of its rows at its right."""
    height, width = image.shape[:2]
    margin = round(_MARGIN * width)
    canvas = np.full((height + margin, width + margin, 3), 255, dtype=np.uint8)
    canvas[margin:, :width] = image
    peak = float(projections.rows.max()) or 1.0
    hues = np.linspace(0, 179, len(projections.rows), endpoint=False).astype(np.uint8)
    colors = cv2.cvtColor(
        np.stack([hues, np.full_like(hues, 255), np.full_like(hues, 190)], 1)[None], cv2.COLOR_HSV2RGB
    )[0]
    for rows, columns, color in zip(projections.rows.numpy(), projections.columns.numpy(), colors, strict=True):
        along = (np.arange(len(columns)) + 0.5) * width / len(columns)
        above = np.stack([along, margin - 2 - columns / peak * (margin - 4)], 1)
        down = (np.arange(len(rows)) + 0.5) * height / len(rows) + margin
        beside = np.stack([width + 2 + rows / peak * (margin - 4), down], 1)
        for points in (above, beside):
            cv2.polylines(canvas, [points.round().astype(np.int32)], False, color.tolist(), 1, cv2.LINE_AA)
    return canvas


def fusion_panels(model: nn.Module, sample: Sample) -> list[Panel]:
    """Fig. 3: the two vectors of the surest keypoint joined by product and by sum, each scaled to 0 to 1.

    Args:
        model: A pose estimator with heatmaps, in ``eval()`` mode.
        sample: One person.

    Raises:
        ValueError: If the head has no heatmaps.
    """
    heatmaps = heatmaps_of(model, sample)
    surest = int(heatmaps.flatten(1).amax(1).argmax())
    rows, columns = (unit_range(vectors[surest]) for vectors in project(heatmaps))
    joined = {"product": rows[:, None] * columns, "sum": rows[:, None] + columns}
    return [fused_panel(f"keypoint {surest}, {name}", values, sample) for name, values in joined.items()]


def fused_panel(title: str, values: Tensor, sample: Sample) -> Panel:
    """Draw a map scaled to 0 to 1, with the share that is above one half in its title.

    Args:
        title: What it is.
        values: (H, W).
        sample: One person.
    """
    scaled = unit_range(torch.as_tensor(values)).cpu()
    return Panel(f"{title}: {focus(scaled):.1%} > 1/2", heat(sample.image, scaled.numpy(), limits=(0.0, 1.0)))
