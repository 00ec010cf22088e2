"""Figures of :mod:`.ssn`: offsets, keypoints and the channels behind them, windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from mmpose_ext.atomic import atomic_write
from mmpose_ext.toolbox.studies.ssn import Offsets, Window

__all__ = ["draw_window", "plot_channels", "plot_keypoint_offsets", "plot_offsets", "save"]

_CELL = 2.4
"""Inches."""


def save(figure: Figure, path: Path) -> None:
    """Write a figure and close it.

    Args:
        figure: The figure.
        path: Of the file; its folder is made.
    """
    with atomic_write(path) as file:
        figure.savefig(file, dpi=120, bbox_inches="tight")
    plt.close(figure)


def plot_offsets(runs: Mapping[str, Sequence[Offsets]]) -> Figure:
    """Offsets of each module as points, one column for each module and one row for each checkpoint (Figure 5).

    Args:
        runs: Label of a checkpoint -> offsets of its modules, the same modules in each.
    """
    columns = len(next(iter(runs.values())))
    shape = (len(runs), columns)
    figure, axes = plt.subplots(
        *shape, figsize=(_CELL * columns, _CELL * len(runs)), squeeze=False, layout="compressed"
    )
    reach = [max(1.0, *(float(offsets[i].pixels.abs().max()) for offsets in runs.values())) for i in range(columns)]
    for row, (label, offsets) in zip(axes, runs.items(), strict=True):
        row[0].set_ylabel(label)
        for cell, fsm, limit in zip(row, offsets, reach, strict=True):
            _scatter(cell, fsm.pixels, 1.1 * limit)
            height, width = fsm.size
            cell.set_title(f"{fsm.name}, {len(fsm.pixels)} on {height}x{width}", fontsize=8)
    return figure


def plot_keypoint_offsets(offsets: Tensor, scores: Tensor, names: Sequence[str], *, threshold: float) -> Figure:
    """Offsets with a score above the threshold, one cell for each keypoint (Figure 5c).

    Args:
        offsets: (K, 2), in pixels.
        scores: (M, K).
        names: Of the M keypoints.
        threshold: A score.
    """
    columns = min(6, len(names))
    rows = -(-len(names) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(_CELL * columns, _CELL * rows), squeeze=False, layout="compressed"
    )
    limit = 1.1 * max(1.0, float(offsets.abs().max()))
    for cell in axes.flat[len(names) :]:
        cell.set_axis_off()
    for cell, name, row in zip(axes.flat, names, scores, strict=False):
        chosen = row > threshold
        _scatter(cell, offsets[chosen], limit)
        cell.set_title(f"{name} ({int(chosen.sum())})", fontsize=8)
    return figure


def _scatter(cell: Axes, offsets: Tensor, limit: float) -> None:
    """Points in image directions: dx to the right, dy down."""
    cell.axhline(0, color="0.85", linewidth=0.8, zorder=0)
    cell.axvline(0, color="0.85", linewidth=0.8, zorder=0)
    cell.scatter(*offsets.T.tolist(), s=5, alpha=0.5, linewidths=0)
    cell.set(xlim=(-limit, limit), ylim=(limit, -limit), aspect="equal")
    cell.tick_params(labelsize=7)


def plot_channels(counts: Mapping[str, Sequence[int]], names: Sequence[str], *, title: str) -> Figure:
    """Number of channels with a score above the threshold for each keypoint (Figure 6).

    Args:
        counts: Kind of map -> a number for each keypoint.
        names: Of the keypoints.
        title: Above the figure.
    """
    figure, axis = plt.subplots(figsize=(max(6.0, 0.5 * len(names)), 3.2), layout="constrained")
    width = 0.8 / len(counts)
    for i, (kind, numbers) in enumerate(counts.items()):
        axis.bar(np.arange(len(names)) + i * width, numbers, width, label=kind)
    axis.set_xticks(np.arange(len(names)) + 0.4 - width / 2, names, rotation=40, ha="right", fontsize=8)
    axis.set(ylabel="channels", title=title)
    axis.legend(fontsize=8)
    return figure


def draw_window(image: np.ndarray, window: Window, point: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """Draw window positions over an image, the redder the more they count (Figure 7).

    Args:
        image: Uint8 RGB, (H, W, 3).
        window: On the map of the module.
        point: The position that it belongs to, x and y on that map.
        size: Height and width of the map.

    Returns:
        Uint8 RGB, of the size of the image.
    """
    import cv2

    image = (0.5 * image + 127).astype(np.uint8)
    scale = np.array(image.shape[1::-1]) / np.array(size[::-1])
    radius = max(1, image.shape[1] // 96)

    def pixel(place: np.ndarray) -> tuple[int, int]:
        x, y = (place + 0.5) * scale
        return int(x), int(y)

    for i in window.energy.argsort().tolist():  # the strongest on top
        energy = float(window.energy[i])
        color = (255, int(255 * (1 - energy)), int(255 * (1 - energy)))
        if energy > 0.02:
            cv2.circle(image, pixel(window.positions[i].numpy()), radius, color, -1, cv2.LINE_AA)
    cv2.drawMarker(image, pixel(np.array(point)), (0, 90, 255), cv2.MARKER_CROSS, 6 * radius, max(1, radius // 2))
    return image
