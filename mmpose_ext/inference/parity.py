"""An exported file beside the network it came from, on real pictures: output, key points, PCK.

Shapes: N persons, K key points.

Deviations: none (no paper).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmpose_ext.inference.estimators import Crop, Estimator
from mmpose_ext.inference.frames import Frame, find_sources, read
from mmpose_ext.inference.persons import whole_image

__all__ = ["Comparison", "Person", "compare", "load_persons"]

ALLOWED = 0.05
"""PCK counts a key point as right within this share of the longer side of the box."""


class Person(NamedTuple):
    """A person to compare on."""

    crop: Crop
    """Picture and box."""
    truth: np.ndarray | None
    """Annotated key points (K, 3): x, y, and 0 where there is none; None without annotations."""


class Comparison(NamedTuple):
    """A file against the network."""

    persons: int
    """How many were compared."""
    pixels: float
    """Largest distance of a key point to the network's, in pixels of the picture."""
    pck: float
    """Percentage of right key points of the file; against the network where there is no annotation."""
    reference: float
    """The same of the network."""


def load_persons(folder: Path, annotations: Path | None = None, *, limit: int = 64) -> list[Person]:
    """Persons in a folder of images.

    Args:
        folder: Images; each is one person without annotations.
        annotations: COCO-style file with boxes and key points.
        limit: No more than so many persons.

    Raises:
        ValueError: If there is none.
    """
    frames = [frame for frame in read([s for s in find_sources([str(folder)]) if s.kind == "image"], limit=limit)]
    if annotations is None:
        return [Person(Crop(f.image, box), None) for f in frames for box in whole_image([f])[0]][:limit]
    content = json.loads(annotations.read_text())
    names = {image["id"]: Path(image["file_name"]).name for image in content["images"]}
    pictures: dict[str, Frame] = {frame.source.path.name: frame for frame in frames}
    persons = []
    for annotation in content["annotations"]:
        frame = pictures.get(names[annotation["image_id"]])
        if frame is not None and any(annotation.get("keypoints", [])[2::3]):
            x, y, width, height = annotation["bbox"]
            box = np.array([x, y, x + width, y + height, 1], dtype=np.float32)
            persons.append(Person(Crop(frame.image, box), np.array(annotation["keypoints"], float).reshape(-1, 3)))
    if not persons:
        raise ValueError(f"expected annotations of the images in {folder}, got none in {annotations}")
    return persons[:limit]


def compare(network: Estimator, file: Estimator, persons: Sequence[Person], *, batch: int = 8) -> Comparison:
    """Run both on the same persons.

    Args:
        network: The reference.
        file: What was exported from it.
        persons: Where to look.
        batch: Persons in a batch.
    """
    crops = [person.crop for person in persons]
    groups = [crops[i : i + batch] for i in range(0, len(crops), batch)]
    expected, got = (
        np.stack([pose.keypoints for group in groups for pose in estimator(group)]) for estimator in (network, file)
    )
    right: dict[str, list[np.ndarray]] = {"network": [], "file": []}
    for person, one, other in zip(persons, expected, got, strict=True):
        truth = person.truth if person.truth is not None else np.c_[one, np.ones(len(one))]
        left, top, right_side, bottom = person.crop.box[:4]
        allowed, seen = ALLOWED * max(right_side - left, bottom - top), truth[:, 2] > 0
        for name, points in (("network", one), ("file", other)):
            right[name].append(np.linalg.norm(points - truth[:, :2], axis=1)[seen] <= allowed)
    scores = {name: 100 * float(np.concatenate(parts).mean()) for name, parts in right.items()}
    distance = float(np.linalg.norm(expected - got, axis=-1).max())
    return Comparison(len(persons), distance, scores["file"], scores["network"])
