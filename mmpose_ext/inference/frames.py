"""Pictures to look at: files, folders, videos, a camera.

Shapes: H W picture; pixels are uint8 in the order blue, green, red.

Deviations: none (no paper).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

__all__ = ["IMAGES", "VIDEOS", "Frame", "Source", "find_sources", "read"]

IMAGES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
VIDEOS = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm"})


@dataclass(frozen=True)
class Source:
    """Something that gives pictures.

    Attributes:
        kind: ``image``, ``video`` or ``webcam``.
        path: File; the number of the camera for a webcam.
        name: Path below the folder that the user named, without ending: where its pictures are written.
    """

    kind: str
    path: Path
    name: str

    def count(self) -> int | None:
        """Number of pictures, if known."""
        if self.kind != "video":
            return 1 if self.kind == "image" else None
        capture = cv2.VideoCapture(str(self.path))
        number = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        capture.release()
        return number if number > 0 else None


@dataclass(frozen=True)
class Frame:
    """One picture.

    Attributes:
        source: Where it is from.
        index: Its number in the source, from 0.
        image: Pixels (H, W, 3).
        rate: Pictures per second of a video or camera; 0 for a file.
    """

    source: Source
    index: int
    image: np.ndarray
    rate: float = 0.0

    @property
    def file_name(self) -> str:
        """What stands for it in the JSON: the file, and the number in a video."""
        return str(self.source.path) if self.source.kind == "image" else f"{self.source.path}#{self.index}"


def find_sources(words: Sequence[str]) -> list[Source]:
    """Resolve what a user names.

    Args:
        words: Image, video, folder of those (searched all through), or ``webcam`` or ``webcam:NUMBER``.

    Raises:
        ValueError: If a path does not exist, is of an unknown kind, or a folder has no picture.
    """
    found: list[Source] = []
    for word in words:
        path = Path(word).expanduser()
        if word.partition(":")[0] == "webcam":
            found.append(Source("webcam", Path(word.partition(":")[2] or "0"), "webcam"))
        elif path.is_dir():
            inside = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in IMAGES | VIDEOS]
            if not inside:
                raise ValueError(f"expected images or videos in {path}, found none")
            found += [_file(file, str(file.relative_to(path).with_suffix(""))) for file in inside]
        elif not path.exists():
            raise ValueError(f"expected an image, a video, a folder or webcam, got {word!r}, which does not exist")
        else:
            found.append(_file(path, path.stem))
    return _unique(found)


def _file(path: Path, name: str) -> Source:
    if path.suffix.lower() in IMAGES:
        return Source("image", path, name)
    if path.suffix.lower() in VIDEOS:
        return Source("video", path, name)
    raise ValueError(f"expected a file that ends in {', '.join(sorted(IMAGES | VIDEOS))}, got {path}")


def _unique(sources: Sequence[Source]) -> list[Source]:
    """The sources with a number behind names that appear twice, so that no picture is written over another."""
    seen: dict[str, int] = {}
    result = []
    for source in sources:
        number = seen.get(source.name, 0)
        seen[source.name] = number + 1
        result.append(Source(source.kind, source.path, f"{source.name}-{number}") if number else source)
    return result


def read(sources: Sequence[Source], *, limit: int | None = None) -> Iterator[Frame]:
    """All pictures, one after the other.

    Args:
        sources: Where they are from.
        limit: Stop after so many.

    Raises:
        ValueError: If a file can't be decoded or a camera not opened.
    """
    number = 0
    for source in sources:
        for frame in _image(source) if source.kind == "image" else _video(source):
            if limit is not None and number >= limit:
                return
            number += 1
            yield frame


def _image(source: Source) -> Iterator[Frame]:
    data = np.fromfile(source.path, dtype=np.uint8)  # not cv2.imread, which can't say why and fails on some paths
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise ValueError(f"expected an image, {source.path} can't be decoded")
    yield Frame(source, 0, image)


def _video(source: Source) -> Iterator[Frame]:
    capture = cv2.VideoCapture(int(str(source.path)) if source.kind == "webcam" else str(source.path))
    try:
        if not capture.isOpened():
            raise ValueError(f"expected a {source.kind}, {source.path} can't be opened")
        rate, index = capture.get(cv2.CAP_PROP_FPS) or 25.0, 0
        while True:
            there, image = capture.read()
            if not there:
                break
            yield Frame(source, index, image, rate)
            index += 1
        if index == 0:
            raise ValueError(f"expected a {source.kind}, {source.path} has no picture")
    finally:
        capture.release()
