"""What can be wrong with one annotation of a COCO-style keypoint file.

Shapes: K keypoints, each x, y, visibility (0 not labeled, 1 hidden, 2 visible).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmpose_ext.toolbox.json_file import shown

__all__ = ["AREA_OF_BOX", "Finding", "is_identity", "is_number", "person_findings", "visibility"]

Finding = tuple[bool, str]
"""Whether it is an error, and what was expected and what came."""

_LARGEST = 1e15
"""No coordinate or size is as large."""

AREA_OF_BOX = 0.53
"""Part of a box that its person covers, where MMPose has to guess it."""


def person_findings(
    annotation: Mapping[str, Any], names: Sequence[str], image: Mapping[str, Any] | None
) -> Iterator[Finding]:
    """All that is wrong with an annotation.

    Args:
        annotation: As in the file.
        names: Of the K keypoints.
        image: Its image; None where that can't be used, and nothing is compared with it.
    """
    crowd = annotation.get("iscrowd")
    if crowd is None:
        yield False, "no `iscrowd`; 0, a person, is written"
    elif not isinstance(crowd, int) or crowd not in (0, 1):  # MMPose drops whatever is true
        yield True, f"expected `iscrowd` to be 0 (a person) or 1 (a crowd), got {shown(crowd)}"
    yield from _box(annotation.get("bbox"), image)
    area = annotation.get("area")
    if area is None:
        yield False, f"no `area`, which the score (OKS) is measured by; {AREA_OF_BOX} of the box is written"
    elif not is_number(area) or area <= 0:
        yield True, f"expected a positive `area`, which the score (OKS) is measured by, got {shown(area)}"
    wrong = _malformed(annotation.get("keypoints"), names)
    if wrong:
        yield True, wrong
    else:
        yield from _keypoints(annotation, names, image)


def visibility(annotation: Mapping[str, Any], names: Sequence[str]) -> list[float]:
    """Visibility of each keypoint; zeros where an annotation can't be read.

    Args:
        annotation: As in the file.
        names: Of the K keypoints.
    """
    flat: Any = annotation.get("keypoints")
    return [0] * len(names) if _malformed(flat, names) else list(flat[2::3])


def is_number(value: Any) -> bool:
    """Whether a value of a JSON file is a number that a coordinate can be: neither NaN nor infinite nor huge."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST


def is_identity(value: Any) -> bool:
    """Whether a value of a JSON file can be an id: a whole number of 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _box(box: Any, image: Mapping[str, Any] | None) -> Iterator[Finding]:
    if not isinstance(box, list) or len(box) != 4 or not all(is_number(value) for value in box):
        yield (
            True,
            f"expected `bbox` of four numbers (x, y, width, height), got {'nothing' if box is None else shown(box)}",
        )
        return
    x, y, width, height = box
    if width <= 0 or height <= 0:
        yield True, f"expected a box (x, y, width, height) with a positive size, got {box}"
    elif image is not None:
        right, bottom = image["width"], image["height"]
        if x >= right - 1 or y >= bottom - 1 or x + width <= 0 or y + height <= 0:
            yield True, f"the box {box} lies outside of the image of {right}x{bottom}"
        elif min(x, y) < -1 or x + width > right + 1 or y + height > bottom + 1:
            yield False, f"the box {box} reaches beyond the image of {right}x{bottom}"


def _malformed(flat: Any, names: Sequence[str]) -> str | None:
    """What keeps a list of keypoints from being read."""
    expected = f"expected {3 * len(names)} numbers in `keypoints` (x, y, visibility of {len(names)}), got "
    if not isinstance(flat, list):
        return expected + ("nothing" if flat is None else shown(flat))
    if any(isinstance(value, list) for value in flat):
        return expected + "a list of lists"
    if len(flat) != 3 * len(names):
        return expected + str(len(flat))
    bad = next((i for i, value in enumerate(flat) if not is_number(value)), None)
    if bad is None:
        return None
    part = ("x", "y", "visibility")[bad % 3]
    return f"expected a number as {part} of {names[bad // 3]}, got {shown(flat[bad])}"


def _keypoints(
    annotation: Mapping[str, Any], names: Sequence[str], image: Mapping[str, Any] | None
) -> Iterator[Finding]:
    flat = annotation["keypoints"]
    points = list(zip(names, flat[::3], flat[1::3], flat[2::3], strict=True))
    wrong = sorted({v for *_, v in points if v not in (0, 1, 2)})
    if wrong:
        yield True, f"expected a visibility of 0, 1 or 2, got {', '.join(map(str, wrong))}"
    labeled = sum(v > 0 for *_, v in points)
    if annotation.get("num_keypoints", labeled) != labeled:
        told = annotation["num_keypoints"]
        yield False, f"`num_keypoints` is {shown(told)}, but {labeled} are labeled; {labeled} is written"
    if image is not None:
        width, height = image["width"], image["height"]
        outside = [name for name, x, y, v in points if v > 0 and not (0 <= x <= width and 0 <= y <= height)]
        if outside:
            yield False, f"labeled keypoints lie outside of the image: {', '.join(outside)}"
