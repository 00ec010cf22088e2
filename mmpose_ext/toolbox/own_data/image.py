"""What can be wrong with one image of a COCO-style file, and with its picture.

Deviations: none (no paper).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from mmpose_ext.toolbox.own_data.person import Finding, is_number

__all__ = ["image_findings"]

_ORIENTATION = 0x0112
"""EXIF's tag."""
_TURNED = (5, 6, 7, 8)
"""Its values with which a picture is shown on its side."""


def image_findings(image: Mapping[str, Any], folder: Path | None) -> Iterator[Finding]:
    """What is wrong with an image, and with its picture.

    Args:
        image: As in the file.
        folder: Of the pictures; None to look at none.
    """
    size: tuple[Any, Any] = image.get("width"), image.get("height")
    if not all(is_number(side) and side > 0 for side in size):
        yield True, f"expected `width` and `height`, two positive numbers, got {size[0]!r} and {size[1]!r}"
        return
    name = image.get("file_name")
    if not isinstance(name, str) or not name:
        yield True, f"expected `file_name`, got {name!r}"
    elif folder is not None:
        path = folder / name
        try:
            real = _size_of(path)
        except FileNotFoundError:
            yield True, f"there is no file {path}"
        except OSError as error:
            yield True, f"{path} can't be read as a picture ({error})"
        else:
            if real != size:
                yield (
                    True,
                    f"its `width` and `height` are {size[0]}x{size[1]}, those of the picture {real[0]}x{real[1]}",
                )


def _size_of(path: Path) -> tuple[int, int]:
    """Width and height of a picture as it is loaded, turned as its camera says."""
    with Image.open(path) as picture:
        width, height = picture.size
        return (height, width) if picture.getexif().get(_ORIENTATION) in _TURNED else (width, height)
