"""Images with as many rendered persons as are asked for, and their annotations in COCO's format."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmpose_ext.datasets.synthetic.scene import Label, render_scene
from mmpose_ext.datasets.synthetic.writer import annotation

__all__ = ["ANNOTATIONS", "IMAGES", "write_images"]

ANNOTATIONS, IMAGES = "annotations.json", "images"
SIZE = (480, 640)
"""Height and width of every image: what changes with the number of persons is nothing but that."""
_DIFFERENT = 8
"""Persons that are rendered; images repeat them."""


def write_images(folder: Path, *, images: int, persons: int, seed: int = 0) -> None:
    """Write images whose persons stand in the cells of a grid.

    Args:
        folder: Is made; gets :data:`IMAGES` and :data:`ANNOTATIONS`.
        images: Number of images.
        persons: Number of persons in each.
        seed: Of the persons.
    """
    (folder / IMAGES).mkdir(parents=True)
    content: dict[str, list[dict[str, Any]]] = {
        "images": [],
        "annotations": [],
        "categories": [dict(id=1, name="person", keypoints=[], skeleton=[])],
    }
    height, width = SIZE
    columns = math.ceil(math.sqrt(persons))
    rows = math.ceil(persons / columns)
    for i in range(images):
        image = np.full((height, width, 3), 127, np.uint8)
        for k in range(persons):
            scene, label = _scene(seed, (i * persons + k) % _DIFFERENT)
            scale = min(height / rows / scene.shape[0], width / columns / scene.shape[1])
            small = cv2.resize(scene, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            left, top = k % columns * width // columns, k // columns * height // rows
            cell = image[top : top + small.shape[0], left : left + small.shape[1]]
            cell[:] = small[: cell.shape[0], : cell.shape[1]]
            number = len(content["annotations"]) + 1
            content["annotations"].append(annotation(_moved(label, scale, (left, top)), i + 1, number))
        name = f"{i + 1:06d}.jpg"
        content["images"].append(dict(id=i + 1, file_name=name, width=width, height=height))
        (folder / IMAGES / name).write_bytes(cv2.imencode(".jpg", image)[1].tobytes())
    (folder / ANNOTATIONS).write_text(json.dumps(content))


@cache
def _scene(seed: int, number: int) -> tuple[np.ndarray, Label]:
    image, (label,) = render_scene(np.random.default_rng([seed, number]), 1)
    return image, label


def _moved(label: Label, scale: float, corner: tuple[int, int]) -> Label:
    """The label of a scene that was scaled and put at a corner of an image."""
    points = label.keypoints.astype(float)
    points[:, :2] = points[:, :2] * scale + corner
    x, y, width, height = (float(value) * scale for value in label.box)
    return Label(points, (x + corner[0], y + corner[1], width, height), float(label.area) * scale**2)
