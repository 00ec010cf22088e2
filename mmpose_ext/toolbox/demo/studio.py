"""Networks that stay loaded, and what one of them sees in a picture.

Shapes: N persons, H W picture; pixels are uint8 in the order blue, green, red.

Deviations: none (no paper).
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
from PIL import Image, UnidentifiedImageError

from mmpose_ext.toolbox.inference import Frame, Pose, TorchEstimator, estimate, read, whole_image
from mmpose_ext.toolbox.inference.frames import Source
from mmpose_ext.toolbox.inference.persons import Finder
from mmpose_ext.toolbox.inference.weights import quiet_logger
from mmpose_ext.toolbox.visualization import PROVIDERS, Panel, Sample, panels_of
from mmpose_ext.toolbox.visualization.heatmaps import heatmap_panels
from mmpose_ext.toolbox.visualization.topdown import TopdownReader

__all__ = ["Request", "Seen", "Studio"]

LARGEST = 50_000_000
"""Pixels of a picture. A small file may say that it holds billions."""


@dataclass(frozen=True)
class Request:
    """What a user asks for.

    Attributes:
        picture: The file.
        model: Alias or config.
        checkpoint: Its weights; None for random ones.
        trusted: Whether the checkpoint is the user's own, see
            :func:`~mmpose_ext.toolbox.inference.weights.load_weights`.
        detect: Whether a detector says where the persons are; else the whole picture is one.
        person: Number of the person, from 1, whom the network's own picture shows.
    """

    picture: Path
    model: str
    checkpoint: Path | None = None
    trusted: bool = False
    detect: bool = False
    person: int = 1


class Seen(NamedTuple):
    """What was found."""

    frame: Frame
    """The picture."""
    boxes: np.ndarray
    """Of the persons, (N, 5): left, top, right, bottom, score; the largest first."""
    poses: list[Pose]
    """N poses."""
    meta: dict[str, Any]
    """`dataset_meta` of the network."""
    panels: list[Panel]
    """What the network looks at, in the crop of one person."""
    own: bool
    """Whether the network's paper has something to show; else `panels` are heatmaps only."""
    person: int
    """Number of that person, from 1; 0 if there is none."""
    seconds: float
    """From the pixels to the poses, without loading."""


class Studio:
    """Finds poses, one request at a time.

    Args:
        device: As in PyTorch.
        detector: Finds persons; None if there is none.
        capacity: Number of networks that stay loaded.
    """

    def __init__(self, *, device: str = "cpu", detector: Finder | None = None, capacity: int = 2) -> None:
        self.device, self.detector, self.capacity = device, detector, capacity
        self._networks: OrderedDict[tuple, tuple[TorchEstimator, TopdownReader]] = OrderedDict()
        self._lock = threading.Lock()

    def look(self, request: Request) -> Seen:
        """Find the poses in a picture, and draw what the network looks at.

        Args:
            request: What is asked for.

        Raises:
            ValueError: If the picture, the model, its checkpoint or the number of the person can't be used.
        """
        frame = read_picture(request.picture)
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
        return Seen(frame, found.boxes, found.poses, dict(estimator.meta), panels, own, person, seconds)

    def _require_detector(self) -> Finder:
        if self.detector is None:
            raise ValueError("expected the whole picture as the person, as the page was started without a detector")
        return self.detector

    def _network(self, request: Request) -> tuple[TorchEstimator, TopdownReader]:
        """The network, loaded if it is not. Its own picture needs the layers as they were trained: none is folded."""
        key: tuple = (request.model, request.checkpoint)
        if request.checkpoint is not None and request.checkpoint.is_file():
            about = request.checkpoint.stat()
            key += (about.st_mtime_ns, about.st_size)
        if key not in self._networks:
            checkpoint = None if request.checkpoint is None else str(request.checkpoint)
            options: dict[str, Any] = dict(device=self.device, deploy=False, trusted=request.trusted)
            estimator = TorchEstimator(request.model, checkpoint, **options)
            with quiet_logger():
                self._networks[key] = estimator, TopdownReader(estimator.config, estimator.model)
        self._networks.move_to_end(key)
        while len(self._networks) > self.capacity:
            self._networks.popitem(last=False)
        return self._networks[key]


def read_picture(path: Path) -> Frame:
    """Read an uploaded picture.

    Args:
        path: The file.

    Raises:
        ValueError: If it is none, or too large.
    """
    try:
        with Image.open(path) as header:
            width, height = header.size
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ValueError(f"expected a picture (JPEG, PNG, WebP, BMP or TIFF), {path.name} is none") from error
    if width * height > LARGEST:
        limit = LARGEST // 1_000_000
        raise ValueError(f"expected a picture of at most {limit} megapixels, {path.name} has {width} x {height} pixels")
    (frame,) = read([Source("image", path, path.stem)])
    return frame


def _largest_first(finder: Finder) -> Finder:
    """The same boxes in the order of their area, so that person 1 is the one in front."""

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
