"""One annotated person of the Leeds data sets, and its form in COCO's format.

Shapes: K = 14 joints.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

__all__ = ["JOINTS", "SKELETON", "Person", "coco_annotations", "person_box", "write_json"]

JOINTS = (
    "right_ankle",
    "right_knee",
    "right_hip",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_wrist",
    "right_elbow",
    "right_shoulder",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "neck",
    "head_top",
)
SKELETON = (
    *((1, 2), (2, 3), (6, 5), (5, 4), (3, 4), (3, 13), (4, 13), (7, 8), (8, 9)),
    *((12, 11), (11, 10), (9, 13), (10, 13), (13, 14)),
)
"""Limbs, counted from 1."""
MARGIN, MIN_MARGIN, AREA_SHARE = 0.075, 0.05, 0.53


class Person(NamedTuple):
    """One annotated image.

    Attributes:
        number: Number of the image, also its id.
        file_name: Name of the image file in the converted data set.
        size: Width and height of the image.
        joints: (14, 2) pixels, counted from 0.
        visibility: (14,) 2 is visible, or labeled where the data set does not tell; 1 hidden; 0 not labeled.
        box: (4,) x1, y1, x2, y2.
    """

    number: int
    file_name: str
    size: tuple[int, int]
    joints: np.ndarray
    visibility: np.ndarray
    box: np.ndarray

    @property
    def labeled(self) -> np.ndarray:
        """(14,) bool."""
        return self.visibility > 0


def person_box(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Extent of labeled joints, 15 % larger in total, at least 5 % of the longer extent on each side, cut at the image.

    Args:
        points: (n, 2) labeled joints.
        size: Width and height of the image.

    Returns:
        (4,) x1, y1, x2, y2.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    extent = high - low
    margin = np.maximum(MARGIN * extent, MIN_MARGIN * extent.max())
    return np.concatenate([np.maximum(low - margin, 0), np.minimum(high + margin, np.array(size) - 1)])


def coco_annotations(persons: Sequence[Person], *, description: str, split: str) -> dict[str, Any]:
    """COCO's format; the area is 0.53 of the box, what MMPose takes where an annotation has none.

    Args:
        persons: One person for each image.
        description: Of the data set.
        split: Name of the split.

    Returns:
        Content of the annotation file.
    """
    images, annotations = [], []
    for person in persons:
        width, height = person.size
        box = [*person.box[:2], *(person.box[2:] - person.box[:2])]
        triplets = [
            (round(x, 2), round(y, 2), visibility) if visibility else (0, 0, 0)
            for (x, y), visibility in zip(person.joints.tolist(), person.visibility.tolist(), strict=True)
        ]
        images.append({"id": person.number, "file_name": person.file_name, "width": width, "height": height})
        annotations.append(
            {
                "id": person.number,
                "image_id": person.number,
                "category_id": 1,
                "iscrowd": 0,
                "num_keypoints": int(person.labeled.sum()),
                "bbox": [round(float(v), 2) for v in box],
                "area": round(float(AREA_SHARE * box[2] * box[3]), 2),
                "keypoints": [value for triplet in triplets for value in triplet],
            }
        )
    category = {"id": 1, "name": "person", "supercategory": "person", "keypoints": list(JOINTS)}
    category["skeleton"] = [list(limb) for limb in SKELETON]
    info = {"description": description, "split": split}
    return {"info": info, "images": images, "annotations": annotations, "categories": [category]}


def write_json(path: Path, content: Any) -> None:
    """Write compact JSON.

    Args:
        path: The file.
        content: What to write.
    """
    path.write_text(json.dumps(content, separators=(",", ":")))
