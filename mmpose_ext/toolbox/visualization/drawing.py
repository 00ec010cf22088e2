"""Heat maps, masks and rows of titled images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mmpose_ext.atomic import atomic_write
from mmpose_ext.toolbox.visualization import Panel

_TITLE_HEIGHT = 20


def heat(
    image: np.ndarray,
    values: np.ndarray,
    *,
    strength: float = 0.6,
    smooth: bool = True,
    limits: tuple[float, float] | None = None,
) -> np.ndarray:
    """Color an image from blue (the smallest value) to red (the largest one).

    Args:
        image: (H, W, 3), uint8 RGB.
        values: Non-negative or not, of any resolution, (h, w).
        strength: Share of the color.
        smooth: Whether values are interpolated between their cells.
        limits: The values of blue and red, the same for several images; by default the smallest and the largest.

    Returns:
        (H, W, 3), uint8 RGB.
    """
    values = np.asarray(values, dtype=np.float32)
    low, high = limits or (float(values.min()), float(values.max()))
    scaled = ((values - low) / (high - low)).clip(0, 1) if high > low else np.zeros_like(values)
    method = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST
    scaled = cv2.resize(scaled, image.shape[1::-1], interpolation=method)
    colors = cv2.applyColorMap((255 * scaled).astype(np.uint8), cv2.COLORMAP_JET)[..., ::-1]
    return cv2.addWeighted(np.ascontiguousarray(colors), strength, image, 1 - strength, 0)


def dim(image: np.ndarray, keep: np.ndarray, *, brightness: float = 0.25) -> np.ndarray:
    """Darken what is not to be looked at.

    Args:
        image: (H, W, 3), uint8 RGB.
        keep: Which cells stay as they are, bool, of any resolution, (h, w).
        brightness: Of the others.

    Returns:
        (H, W, 3), uint8 RGB.
    """
    mask = cv2.resize(keep.astype(np.uint8), image.shape[1::-1], interpolation=cv2.INTER_NEAREST).astype(bool)
    return np.where(mask[..., None], image, (image * brightness).astype(np.uint8))


def sheet(panels: Sequence[Panel], *, height: int = 320, columns: int = 8) -> np.ndarray:
    """Lay out panels in rows, each below its title.

    Args:
        panels: At least one.
        height: Of each image in pixels.
        columns: Panels in a row.

    Returns:
        (H, W, 3), uint8 RGB, white where nothing is.
    """
    tiles = [_titled(panel, height) for panel in panels]
    width = max(tile.shape[1] for tile in tiles)
    tiles = [np.pad(tile, ((0, 0), (0, width - tile.shape[1]), (0, 0)), constant_values=255) for tile in tiles]
    columns = min(columns, len(tiles))
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    rows = [np.concatenate(tiles[i : i + columns], axis=1) for i in range(0, len(tiles), columns)]
    return np.concatenate(rows, axis=0)


def write_image(path: Path, image: np.ndarray) -> None:
    """Write an image file, complete or not at all.

    Args:
        path: The file; its folder is made.
        image: (H, W, 3), uint8 RGB.

    Raises:
        OSError: If it can't be written.
    """
    _, data = cv2.imencode(path.suffix, image[..., ::-1])
    with atomic_write(path) as file:
        file.write_bytes(data.tobytes())


def _titled(panel: Panel, height: int) -> np.ndarray:
    scale = height / panel.image.shape[0]
    image = cv2.resize(panel.image, (round(panel.image.shape[1] * scale), height), interpolation=cv2.INTER_LINEAR)
    (needed, _), _ = cv2.getTextSize(panel.title, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)
    width = max(image.shape[1], needed) + 6
    tile = np.full((height + _TITLE_HEIGHT, width, 3), 255, dtype=np.uint8)
    tile[_TITLE_HEIGHT:, 3 : 3 + image.shape[1]] = image
    cv2.putText(tile, panel.title, (3, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return tile
