"""What can be wrong with one image of a COCO-style file, and with its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmpose_ext.image_file import UnreadableImage, image_size
from mmpose_ext.toolbox.json_file import shown
from mmpose_ext.toolbox.own_data.person import Finding, is_number

__all__ = ["image_findings"]

_LONGEST = 1000
"""Characters of a path in a data set."""


def image_findings(image: Mapping[str, Any], folder: Path | None) -> Iterator[Finding]:
    """What is wrong with an image, and with its file.

    Args:
        image: As in the annotations.
        folder: Of the images; None to open none.
    """
    size: tuple[Any, Any] = image.get("width"), image.get("height")
    if not all(is_number(side) and side > 0 for side in size):
        yield True, f"expected `width` and `height`, two positive numbers, got {shown(size[0])} and {shown(size[1])}"
        return
    name = image.get("file_name")
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST:
        yield True, f"expected `file_name`, got {shown(name)}"
    elif folder is not None:
        try:
            real = image_size(folder / name)
        except UnreadableImage as error:
            yield True, str(error)
            return
        if real != size:
            yield True, f"its `width` and `height` are {size[0]}x{size[1]}, the file has {real[0]}x{real[1]}"
