"""Reads one image file, or says in one sentence why it can't be used.

An image gets the same pixels as by MMPose's ``LoadImage``: OpenCV turns it as its EXIF data says, drops an alpha
channel, and makes 8 bits per channel out of 16, and BGR out of CMYK or gray. The content counts, not the suffix.

Shapes: H W image; pixels are uint8 in the order blue, green, red.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from mmpose_ext.errors import UnusableFile

__all__ = ["FORMATS", "MAX_PIXELS", "MAX_SIDE", "UnreadableImage", "image_size", "read_image", "silent_opencv"]

FORMATS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")
"""As Pillow calls them."""
MAX_PIXELS = 2**27
"""134 megapixels, which take 400 MB."""
MAX_SIDE = 32766
"""What OpenCV can crop from."""

_ORIENTATION = 0x0112
"""EXIF's tag."""
_TURNED = (5, 6, 7, 8)
"""Its values with which an image is shown on its side."""
_DENSE = 50
"""Pixels per byte that an image seldom has; one with more is of one color, or lacks rows, and is decoded to know it."""
_ENDS = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}
"""How a complete file ends, unless something follows the image. MPO is a JPEG of several images, as phones write."""


class UnreadableImage(UnusableFile):
    """A file that gives no image."""


def image_size(path: Path, *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Width and height of an image as it is loaded, turned as its camera says, by its header and its last bytes.

    The pixels are decoded only where the file does not end as its format does, or is too short for its size.

    Args:
        path: The file.
        max_pixels: Largest width times height.

    Raises:
        UnreadableImage: If the file is missing, no regular file, empty, in no known format, too large, or cut off.
    """
    _check_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's words on large images and on odd metadata
            with Image.open(path, formats=FORMATS) as image:
                width, height = image.size
                _check_size(path, width, height, max_pixels)
                if not _ends_well(path, str(image.format)) or width * height > _DENSE * path.stat().st_size:
                    image.load()
                turned = _orientation(image) in _TURNED
                if not turned or image.format in ("JPEG", "MPO"):
                    return (height, width) if turned else (width, height)
        height, width = _decode(path).shape[:2]  # whether OpenCV turns a PNG or WebP depends on its version
        return width, height
    except UnreadableImage:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadableImage(f"{path} is too large an image: {error}") from error
    except UnidentifiedImageError as error:
        raise UnreadableImage(f"{path} is no image that can be read (BMP, JPEG, PNG, TIFF, WebP)") from error
    except Exception as error:  # Pillow's plugins raise half a dozen classes for a broken file
        raise UnreadableImage(f"{path} can't be decoded: {_reason(error)}") from error


def read_image(path: Path, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Read an image.

    Args:
        path: The file.
        max_pixels: Largest width times height.

    Returns:
        Pixels (H, W, 3), blue, green, red.

    Raises:
        UnreadableImage: As :func:`image_size`, and if it can't be decoded.
    """
    image_size(path, max_pixels=max_pixels)
    return _decode(path)


@contextmanager
def silent_opencv() -> Iterator[None]:
    """A context in which OpenCV does not print what its callers raise."""
    import cv2

    # gone from OpenCV 5, whose cv2.utils.logging some releases of OpenCV 4 lack
    set_level = cv2.setLogLevel if hasattr(cv2, "setLogLevel") else cv2.utils.logging.setLogLevel
    level = set_level(0)
    try:
        yield
    finally:
        set_level(level)


def _decode(path: Path) -> np.ndarray:
    import cv2

    try:
        with silent_opencv():
            image = cv2.imdecode(np.fromfile(path, dtype=np.uint8), cv2.IMREAD_COLOR)
    except (cv2.error, OSError, MemoryError) as error:
        raise UnreadableImage(f"{path} can't be decoded: {_reason(error)}") from error
    if image is None:
        raise UnreadableImage(f"{path} can't be decoded")
    return image


def _check_file(path: Path) -> None:
    try:
        if path.is_symlink() and not path.exists():
            raise UnreadableImage(f"{path} is a link to a file that does not exist")
        if path.is_dir():
            raise UnreadableImage(f"{path} is a folder, expected an image")
        if not path.exists():
            raise UnreadableImage(f"there is no file {path}")
        if not path.is_file():
            raise UnreadableImage(f"{path} is no regular file, expected an image")
        if path.stat().st_size == 0:
            raise UnreadableImage(f"{path} is empty, expected an image")
    except OSError as error:  # a loop of links, a name that is too long, a folder that may not be entered
        raise UnreadableImage(f"{path} can't be read: {_reason(error)}") from error


def _check_size(path: Path, width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels or max(width, height) > MAX_SIDE:
        raise UnreadableImage(
            f"{path} has {width}x{height} pixels, expected at most {max_pixels} and no side longer than {MAX_SIDE}"
        )


def _ends_well(path: Path, kind: str) -> bool:
    """Whether the last bytes are those of a complete file; where a format does not tell, OpenCV finds it out."""
    if kind == "WEBP":
        with path.open("rb") as file:
            return path.stat().st_size >= int.from_bytes(file.read(8)[4:], "little") + 8
    if kind not in _ENDS:
        return False
    with path.open("rb") as file:
        file.seek(-min(16, path.stat().st_size), 2)
        return file.read().endswith(_ENDS[kind])


def _orientation(image: Image.Image) -> int | None:
    try:
        return image.getexif().get(_ORIENTATION)
    except Exception:  # broken metadata, which OpenCV ignores too
        return None


def _reason(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())[:200] or type(error).__name__
