"""The loop of an inference: images in, persons in batches that span images, poses out in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from mmpose_ext.toolbox.inference.estimators import Crop, Estimator, Pose
from mmpose_ext.toolbox.inference.frames import Frame
from mmpose_ext.toolbox.inference.persons import Finder

__all__ = ["Found", "estimate"]


class Found(NamedTuple):
    """All persons of an image."""

    frame: Frame
    """The image."""
    boxes: np.ndarray
    """(N, 5)."""
    poses: list[Pose]
    """N poses."""


def estimate(frames: Iterable[Frame], finder: Finder, estimator: Estimator, *, batch: int = 8) -> Iterator[Found]:
    """Find all persons and their poses.

    As many images as a batch has persons are read ahead, and their persons share batches.

    Args:
        frames: Images.
        finder: Finds persons.
        estimator: Finds keypoints.
        batch: Number of persons in a batch.

    Yields:
        Each image in order, also those without a person.
    """
    if batch < 1:
        raise ValueError(f"expected a batch of at least 1, got {batch}")
    images = iter(frames)
    while ahead := list(islice(images, batch)):
        boxes = finder(ahead)
        crops = [Crop(frame.image, box) for frame, found in zip(ahead, boxes, strict=True) for box in found]
        poses = iter([pose for i in range(0, len(crops), batch) for pose in estimator(crops[i : i + batch])])
        for frame, found in zip(ahead, boxes, strict=True):
            yield Found(frame, found, list(islice(poses, len(found))))
