"""A contact sheet of a synthetic set with its labels drawn in."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from mmpose_ext.atomic import atomic_write
from mmpose_ext.datasets.synthetic.skeleton import KEYPOINT_NAMES
from mmpose_ext.datasets.synthetic.writer import ANNOTATIONS, IMAGES, SKELETON

_LEFT, _RIGHT, _HIDDEN = (0, 255, 0), (0, 128, 255), (0, 0, 255)


def write_preview(folder: Path, path: Path, *, columns: int = 6, rows: int = 5, tile: int = 240) -> None:
    """Write a sheet of the first images.

    Left limbs are green, right ones orange; a red point is labeled but hidden.

    Args:
        folder: The set.
        path: Image file to write.
        columns: Tiles in a row.
        rows: Rows.
        tile: Side of a tile in pixels.
    """
    content = json.loads((folder / ANNOTATIONS).read_text())
    persons: dict[int, list[np.ndarray]] = {}
    for annotation in content["annotations"]:
        points = np.array(annotation["keypoints"]).reshape(-1, 3)
        persons.setdefault(annotation["image_id"], []).append(points)
    sheet = np.zeros((rows * tile, columns * tile, 3), np.uint8)
    for number, info in enumerate(content["images"][: rows * columns]):
        image = cv2.imread(str(folder / IMAGES / info["file_name"]))
        scale = tile / max(image.shape[:2])
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:tile, :tile]
        for points in persons[info["id"]]:
            _draw_labels(image, points * (scale, scale, 1))
        y, x = (number // columns) * tile, (number % columns) * tile
        sheet[y : y + image.shape[0], x : x + image.shape[1]] = image
    if not cv2.haveImageWriter(str(path)):
        raise ValueError(f"expected the name of an image such as preview.jpg for the preview, got {path}")
    _, data = cv2.imencode(path.suffix, sheet)
    with atomic_write(path) as partial:
        partial.write_bytes(data.tobytes())


def _draw_labels(image: np.ndarray, points: np.ndarray) -> None:
    places = np.round(points[:, :2]).astype(int)
    for first, last in np.array(SKELETON) - 1:
        if points[first, 2] and points[last, 2]:
            color = _LEFT if "left" in KEYPOINT_NAMES[last] else _RIGHT
            cv2.line(image, tuple(places[first].tolist()), tuple(places[last].tolist()), color, 1, cv2.LINE_AA)
    for place, visible in zip(places, points[:, 2], strict=True):
        if visible:
            cv2.circle(image, tuple(place.tolist()), 2, (255, 255, 255) if visible > 1 else _HIDDEN, -1, cv2.LINE_AA)
