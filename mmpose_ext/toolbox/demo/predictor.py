"""Keeps networks loaded, and runs one of them on an image.

Shapes: N persons, H W image; pixels are uint8 in the order blue, green, red.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from mmpose_ext.image_file import read_image
from mmpose_ext.toolbox.inference import Frame, Pose, TorchEstimator, estimate, whole_image
from mmpose_ext.toolbox.inference.frames import Source
from mmpose_ext.toolbox.inference.persons import Finder
from mmpose_ext.toolbox.inference.weights import quiet_logger
from mmpose_ext.toolbox.visualization import PROVIDERS, Panel, Sample, panels_of
from mmpose_ext.toolbox.visualization.heatmaps import heatmap_panels
from mmpose_ext.toolbox.visualization.topdown import TopdownReader

__all__ = ["PosePredictor", "Prediction", "Request", "read_frame"]

MAX_PIXELS = 50_000_000
"""Largest image, in pixels. A header of a few bytes may claim billions."""
MAX_BYTES = 200_000_000
"""Largest image file, in bytes: `MAX_PIXELS` uncompressed fit."""


@dataclass(frozen=True)
class Request:
    """What to predict.

    Attributes:
        image: The image file.
        model: Alias or config.
        checkpoint: Weights of the model; None for random weights.
        detect: Whether a detector finds the persons; otherwise the whole image is one person.
        person: The person to draw the panels for, from 1.
    """

    image: Path
    model: str
    checkpoint: Path | None = None
    detect: bool = False
    person: int = 1


class Prediction(NamedTuple):
    """Poses in one image, and what the network looked at."""

    frame: Frame
    """The image."""
    boxes: np.ndarray
    """Person boxes, (N, 5): left, top, right, bottom, score; the largest first."""
    poses: list[Pose]
    """N poses."""
    meta: dict[str, Any]
    """`dataset_meta` of the network."""
    panels: list[Panel]
    """What the network looks at in the crop of one person."""
    has_own_panels: bool
    """Whether the panels show the network's own attention, patches or windows; otherwise only its heatmaps."""
    person: int
    """The person of the panels, from 1; 0 if no person was found."""
    seconds: float
    """Time from pixels to poses, without loading."""


class PosePredictor:
    """Estimates poses, one request at a time.

    Args:
        device: As in PyTorch.
        detector: Finds persons; None if there is none.
        capacity: Number of networks that stay loaded.
    """

    def __init__(self, *, device: str = "cpu", detector: Finder | None = None, capacity: int = 2) -> None:
        self.device, self.detector, self.capacity = device, detector, capacity
        self._networks: OrderedDict[tuple, tuple[TorchEstimator, TopdownReader]] = OrderedDict()
        self._lock = threading.Lock()

    def predict(self, request: Request) -> Prediction:
        """Estimate the poses in an image, and draw what the network looks at.

        Args:
            request: What to predict.

        Raises:
            ValueError: If the image, the model, its checkpoint or the number of the person can't be used.
        """
        frame = read_frame(request.image)
        with self._lock:
            estimator, reader = self._network(request)
            finder = whole_image if not request.detect else self._require_detector()
            started = perf_counter()
            (found,) = estimate([frame], _largest_first(finder), estimator)
            seconds = perf_counter() - started
            if len(found.poses) and not 1 <= request.person <= len(found.poses):
                raise ValueError(f"expected a person from 1 to {len(found.poses)}, got {request.person}")
            person = request.person if len(found.poses) else 0
            panels, own = _panels(reader, frame, found.boxes[person - 1]) if person else ([], False)
        return Prediction(frame, found.boxes, found.poses, dict(estimator.meta), panels, own, person, seconds)

    def _require_detector(self) -> Finder:
        if self.detector is None:
            raise ValueError("expected a detector, but the demo was started without one")
        return self.detector

    def _network(self, request: Request) -> tuple[TorchEstimator, TopdownReader]:
        """The network, loaded unless it is. No norm is folded: the panels need the layers as they were trained."""
        key: tuple = (request.model, request.checkpoint)
        if request.checkpoint is not None and request.checkpoint.is_file():
            about = request.checkpoint.stat()
            key += (about.st_mtime_ns, about.st_size)
        if key not in self._networks:
            checkpoint = None if request.checkpoint is None else str(request.checkpoint)
            estimator = TorchEstimator(request.model, checkpoint, device=self.device, deploy=False)
            with quiet_logger():
                self._networks[key] = estimator, TopdownReader(estimator.config, estimator.model)
        self._networks.move_to_end(key)
        while len(self._networks) > self.capacity:
            self._networks.popitem(last=False)
        return self._networks[key]


def read_frame(path: Path) -> Frame:
    """Read an uploaded image.

    Args:
        path: The file.

    Raises:
        ValueError: If the file is no image, or is too large.
    """
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"expected an image file of at most {MAX_BYTES // 1_000_000} MB, {path.name} is larger")
    return Frame(Source("image", path, path.stem), 0, read_image(path, max_pixels=MAX_PIXELS))


def _largest_first(finder: Finder) -> Finder:
    """The same boxes sorted by area, so that person 1 is the one in front."""

    def find(frames: Sequence[Frame]) -> list[np.ndarray]:
        found = finder(frames)
        areas = [(boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) for boxes in found]
        return [boxes[np.argsort(-area, kind="stable")] for boxes, area in zip(found, areas, strict=True)]

    return find


def _panels(reader: TopdownReader, frame: Frame, box: np.ndarray) -> tuple[list[Panel], bool]:
    left, top, right, bottom = (float(value) for value in box[:4])
    sample: Sample = reader.crop(frame.image, (left, top, right - left, bottom - top))
    own = any(type(module).__name__ in PROVIDERS for module in reader.model.modules())
    return (panels_of(reader.model, sample) if own else []) + heatmap_panels(reader.model, sample), own
