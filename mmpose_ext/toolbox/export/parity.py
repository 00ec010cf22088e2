"""An exported file beside the network it came from, on real images: output, keypoints, PCK.

Shapes: N persons, K keypoints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmpose.evaluation.functional import keypoint_pck_accuracy
from torch import nn

from mmpose_ext.toolbox.export.onnx_file import flatten_output, max_relative_difference
from mmpose_ext.toolbox.inference.estimators import Crop, Estimator, OnnxEstimator
from mmpose_ext.toolbox.inference.frames import find_sources, read
from mmpose_ext.toolbox.inference.persons import whole_image
from mmpose_ext.toolbox.json_file import read_json

__all__ = [
    "THRESHOLDS",
    "Comparison",
    "Person",
    "check_keypoints",
    "compare",
    "load_persons",
    "output_difference",
]

THRESHOLDS = (0.05, 0.1, 0.2)
"""PCK counts a keypoint as right within this share of the longer side of the box."""


class Person(NamedTuple):
    """A person to compare on."""

    crop: Crop
    """Image and box."""
    truth: np.ndarray | None
    """Annotated keypoints (K, 3): x, y, and 0 where there is none; None without annotations."""


class Comparison(NamedTuple):
    """A file against the network."""

    persons: int
    """How many were compared."""
    pixels: float
    """Largest distance of a keypoint to the network's, in pixels of the image."""
    pck: dict[float, float]
    """Threshold -> percentage of right keypoints of the file; against the network where there is no annotation."""
    reference: dict[float, float]
    """The same of the network."""


def load_persons(folder: Path, annotations: Path | None = None, *, limit: int = 64) -> list[Person]:
    """Persons in a folder of images.

    Args:
        folder: Images; each is one person without annotations.
        annotations: COCO-style file with boxes and keypoints.
        limit: No more than so many persons; with annotations evenly spread over the file.

    Raises:
        ValueError: If there is none, or the file is not COCO-style.
    """
    if limit < 1:
        raise ValueError(f"expected a limit of at least one person, got {limit}")
    sources = [source for source in find_sources([str(folder)]) if source.kind == "image"]
    if annotations is None:
        return [Person(Crop(f.image, whole_image([f])[0][0]), None) for f in read(sources, limit=limit)]
    names, wanted = _annotated(annotations)
    known = {source.path.name: source for source in sources}
    wanted = [one for one in wanted if names[one["image_id"]] in known]
    if not wanted:
        raise ValueError(f"expected annotations of the images in {folder}, got none in {annotations}")
    wanted = [wanted[i * len(wanted) // limit] for i in range(limit)] if len(wanted) > limit else wanted
    images: dict[str, np.ndarray] = {}
    for name in dict.fromkeys(names[one["image_id"]] for one in wanted):
        (frame,) = read([known[name]])
        images[name] = frame.image
    return [_person(one, images[names[one["image_id"]]]) for one in wanted]


def _annotated(path: Path) -> tuple[dict[int, str], list[dict[str, Any]]]:
    """File name of each image, and all persons with a keypoint."""
    expected = "a COCO-style file of keypoints"
    content = read_json(path, expected=expected)
    try:
        names = {image["id"]: Path(image["file_name"]).name for image in content["images"]}
        persons = [one for one in content["annotations"] if any(one.get("keypoints", [])[2::3])]
        for one in persons:
            sizes = len([float(number) for number in one["bbox"]]), len([float(x) for x in one["keypoints"]])
            if sizes[0] != 4 or sizes[1] % 3 or min(one["bbox"][2:]) <= 0 or one["image_id"] not in names:
                raise ValueError(f"annotation {one.get('id')} has no usable box, keypoints or image")
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ValueError(f"expected {expected}, got {path} ({error!r})") from error
    return names, persons


def _person(annotation: Mapping[str, Any], image: np.ndarray) -> Person:
    x, y, width, height = annotation["bbox"]
    box = np.array([x, y, x + width, y + height, 1], dtype=np.float32)
    return Person(Crop(image, box), np.array(annotation["keypoints"], float).reshape(-1, 3))


def output_difference(network: nn.Module, file: OnnxEstimator, persons: Sequence[Person], *, batch: int = 4) -> float:
    """Largest difference of the outputs on real crops, relative to the largest output of the network.

    Args:
        network: Maps images (B, 3, H, W) to the outputs of the file; in ``eval()`` mode.
        file: What was exported from it.
        persons: Where to look.
        batch: Persons in a batch.
    """
    differences = []
    for start in range(0, len(persons), batch):
        images = file.images([person.crop for person in persons[start : start + batch]])
        with torch.no_grad():
            expected = flatten_output(network(torch.from_numpy(images)))
        differences.append(max_relative_difference([torch.from_numpy(x) for x in file.run(images)], expected))
    return max(differences)


def compare(network: Estimator, file: Estimator, persons: Sequence[Person], *, batch: int = 8) -> Comparison:
    """Run both on the same persons.

    Args:
        network: The reference.
        file: What was exported from it.
        persons: Where to look.
        batch: Persons in a batch.

    Raises:
        ValueError: If annotations and network differ in the number of keypoints.
    """
    crops = [person.crop for person in persons]
    check_keypoints(persons, network.meta["num_keypoints"])
    groups = [crops[i : i + batch] for i in range(0, len(crops), batch)]
    expected, got = (
        np.stack([pose.keypoints for group in groups for pose in estimator(group)]) for estimator in (network, file)
    )
    truth = np.stack([_truth(person, points) for person, points in zip(persons, expected, strict=True)])
    boxes = np.stack([person.crop.box for person in persons])
    sides = (boxes[:, 2:4] - boxes[:, :2]).max(axis=1, keepdims=True).repeat(2, axis=1)
    scores = [
        {
            threshold: 100
            * float(keypoint_pck_accuracy(points, truth[..., :2], truth[..., 2] > 0, threshold, sides)[1])
            for threshold in THRESHOLDS
        }
        for points in (got, expected)
    ]
    return Comparison(len(persons), float(np.linalg.norm(expected - got, axis=-1).max()), *scores)


def check_keypoints(persons: Sequence[Person], number: int) -> None:
    """Raise a ``ValueError`` if persons have annotations of another number of keypoints than a network.

    Args:
        persons: Any.
        number: That of the network.
    """
    came = {len(person.truth) for person in persons if person.truth is not None} - {number}
    if came:
        raise ValueError(f"expected annotations of {number} keypoints, as the network has, got {min(came)}")


def _truth(person: Person, found: np.ndarray) -> np.ndarray:
    return np.c_[found, np.ones(len(found))] if person.truth is None else person.truth
