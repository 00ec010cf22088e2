"""Input of an inference: image files, folders, videos, a camera.

Shapes: H W image; pixels are uint8 in the order blue, green, red.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mmpose_ext.image_file import MAX_PIXELS, UnreadableImage, read_image, silent_opencv

__all__ = ["IMAGES", "VIDEOS", "Frame", "Source", "find_sources", "read"]

IMAGES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
VIDEOS = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm"})


@dataclass(frozen=True)
class Source:
    """Something that gives images.

    Attributes:
        kind: ``image``, ``video`` or ``webcam``.
        path: File; the number of the camera for a webcam.
        name: Path below the folder that the user named, without ending: where its images are written.
    """

    kind: str
    path: Path
    name: str

    def count(self) -> int | None:
        """Number of frames, if known."""
        if self.kind != "video":
            return 1 if self.kind == "image" else None
        capture = cv2.VideoCapture(str(self.path))
        number = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        capture.release()
        return number if number > 0 else None


@dataclass(frozen=True)
class Frame:
    """One image.

    Attributes:
        source: Where it is from.
        index: Its number in the source, from 0.
        image: Pixels (H, W, 3).
        rate: Frames per second of a video or camera; 0 for a file.
    """

    source: Source
    index: int
    image: np.ndarray
    rate: float = 0.0

    @property
    def file_name(self) -> str:
        """Its name in the JSON file: the file, with the number of the frame in a video."""
        return str(self.source.path) if self.source.kind == "image" else f"{self.source.path}#{self.index}"


def find_sources(words: Sequence[str], *, unreadable: Callable[[str], None] | None = None) -> list[Source]:
    """Resolve what a user names.

    Args:
        words: Image, video, folder of those (with all folders inside), or ``webcam`` or ``webcam:NUMBER``.
        unreadable: Called with what is wrong for each word that names nothing, as long as another one does; without,
            the first is an error.

    Raises:
        ValueError: If a path does not exist, is of an unknown kind, a folder has no image, or there is no camera.
    """
    found: list[Source] = []
    errors: list[ValueError] = []
    for word in words:
        try:
            found += _sources_of(word)
        except ValueError as error:
            errors.append(error)
    if errors and (unreadable is None or not found):
        raise errors[0]
    for one in errors:
        if unreadable is not None:
            unreadable(str(one))
    return _unique(found)


def _sources_of(word: str) -> list[Source]:
    path = Path(word).expanduser()
    if word.partition(":")[0] == "webcam":
        return [_webcam(word)]
    if path.is_dir():
        inside = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in IMAGES | VIDEOS]
        inside = [file for file in inside if not file.is_dir()]
        if not inside:
            raise ValueError(f"expected images or videos in {path}, found none")
        return [_file(file, str(file.relative_to(path).with_suffix(""))) for file in inside]
    if not path.exists() and not path.is_symlink():
        raise ValueError(f"expected an image, a video, a folder or webcam, got {word!r}, which does not exist")
    return [_file(path, path.stem)]


def _webcam(word: str) -> Source:
    """A camera, opened once here: before a network is built, not after."""
    number = word.partition(":")[2] or "0"
    if not number.isdecimal():
        raise ValueError(f"expected webcam or webcam:NUMBER, got {word!r}")
    source = Source("webcam", Path(number), "webcam")
    with _opened(source):
        return source


def _file(path: Path, name: str) -> Source:
    if path.suffix.lower() in IMAGES:
        return Source("image", path, name)
    if path.suffix.lower() in VIDEOS:
        return Source("video", path, name)
    raise ValueError(f"expected a file that ends in {', '.join(sorted(IMAGES | VIDEOS))}, got {path}")


def _unique(sources: Sequence[Source]) -> list[Source]:
    """The sources with a number behind names that appear twice, so that no image is written over another."""
    seen: dict[str, int] = {}
    result = []
    for source in sources:
        number = seen.get(source.name, 0)
        seen[source.name] = number + 1
        result.append(Source(source.kind, source.path, f"{source.name}-{number}") if number else source)
    return result


def read(
    sources: Sequence[Source], *, limit: int | None = None, unreadable: Callable[[str], None] | None = None
) -> Iterator[Frame]:
    """All images, one after the other.

    Args:
        sources: Where they are from.
        limit: Stop after so many.
        unreadable: Called with what is wrong for each source that can't be read, and the next one follows; without,
            it is an error.

    Raises:
        ValueError: If a file can't be decoded or a camera not opened, and there is no `unreadable`.
    """
    number = 0
    for source in sources:
        try:
            for frame in _image(source) if source.kind == "image" else _video(source):
                if limit is not None and number >= limit:
                    return
                number += 1
                yield frame
        except UnreadableImage as error:
            if unreadable is None:
                raise
            unreadable(str(error))


def _image(source: Source) -> Iterator[Frame]:
    yield Frame(source, 0, read_image(source.path))


def _video(source: Source) -> Iterator[Frame]:
    with _opened(source) as capture:
        rate, index = capture.get(cv2.CAP_PROP_FPS) or 25.0, 0
        width, height = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        if width * height > MAX_PIXELS:
            raise UnreadableImage(f"{source.path} has frames of {width:.0f}x{height:.0f} pixels, too large")
        while True:
            there, image = capture.read()
            if not there:
                break
            yield Frame(source, index, image, rate)
            index += 1
        if index == 0:
            raise UnreadableImage(f"expected a {source.kind}, {source.path} has no frame")


@contextmanager
def _opened(source: Source) -> Iterator[cv2.VideoCapture]:
    """A video or a camera, without the lines that OpenCV prints about one that can't be opened."""
    camera = source.kind == "webcam"
    with silent_opencv():
        capture = cv2.VideoCapture(int(str(source.path)) if camera else str(source.path))
    try:
        if not capture.isOpened():
            what = f"camera {source.path}" if camera else str(source.path)
            raise UnreadableImage(f"expected a {source.kind}, {what} can't be opened")
        yield capture
    finally:
        capture.release()
