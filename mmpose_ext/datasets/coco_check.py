"""Looks through a COCO-style key point file and says what is wrong, by annotation id.

Shapes: K key points, each x, y, visibility (0 not labelled, 1 hidden, 2 seen).

Deviations: none (no paper).
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Problem", "Report", "check", "flip_pairs", "load"]

_SIDE = re.compile(r"left|right|Left|Right|LEFT|RIGHT|(?:(?<=_)|^)[lrLR](?=_|$)|^[LR](?=[A-Z])")
_WORDS = (("left", "right"), ("Left", "Right"), ("LEFT", "RIGHT"), ("l", "r"), ("L", "R"))
_OTHER = {a: b for pair in _WORDS for a, b in (pair, pair[::-1])}


class Problem(NamedTuple):
    """Something wrong."""

    error: bool
    """Whether training would fail or learn nonsense; otherwise it is worth a look only."""
    where: str
    """Annotation, image or category, with its id."""
    what: str
    """What was expected and what came."""


class Report(NamedTuple):
    """What was found in a file."""

    problems: list[Problem]
    """In the order of the file."""
    keypoints: list[str]
    """Names of the key points."""
    skeleton: list[tuple[int, int]]
    """Pairs of numbers, from 0."""
    labelled: list[int]
    """For each key point, in how many annotations it is labelled."""
    persons: int
    """Annotations with at least one labelled key point."""

    @property
    def errors(self) -> int:
        """Number of errors."""
        return sum(problem.error for problem in self.problems)


def load(path: Path) -> dict[str, Any]:
    """Read a file.

    Args:
        path: COCO-style JSON.

    Raises:
        ValueError: If it is not JSON with `images`, `annotations` and a category with key points.
    """
    try:
        content = json.loads(path.read_text())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"expected a JSON file, got {path}: {error}") from error
    parts = ("images", "annotations", "categories")
    if not isinstance(content, dict) or not all(isinstance(content.get(part), list) for part in parts):
        found = sorted(content) if isinstance(content, dict) else type(content).__name__
        raise ValueError(f"expected the lists {', '.join(parts)} in {path}, got {found}")
    if not any(category.get("keypoints") for category in content["categories"]):
        raise ValueError(f"expected a category with `keypoints`, a list of names, in {path}, got none")
    return content


def check(content: Mapping[str, Any], *, images: Path | None = None) -> Report:
    """Look for everything that is wrong.

    Args:
        content: What :func:`load` returned.
        images: Folder of the images; their presence is checked with it.
    """
    category = next(c for c in content["categories"] if c.get("keypoints"))
    names = [str(name) for name in category["keypoints"]]
    problems = [*_category(category, names), *_images(content["images"], images)]
    known = {image.get("id"): image for image in content["images"]}
    ids = Counter(annotation.get("id") for annotation in content["annotations"])
    labelled, persons = [0] * len(names), 0
    for annotation in content["annotations"]:
        where = f"annotation {annotation.get('id')}"
        if ids[annotation.get("id")] > 1:
            problems.append(Problem(True, where, f"its id stands {ids[annotation.get('id')]} times, expected once"))
        if annotation.get("category_id") != category["id"]:
            text = f"expected category {category['id']}, which has the key points, got {annotation.get('category_id')}"
            problems.append(Problem(False, where, text))
            continue
        image = known.get(annotation.get("image_id"))
        if image is None:
            problems.append(Problem(True, where, f"there is no image {annotation.get('image_id')}"))
        problems += [Problem(error, where, what) for error, what in _annotation(annotation, len(names), image or {})]
        visible = _visibility(annotation, len(names))
        labelled = [number + (v > 0) for number, v in zip(labelled, visible, strict=True)]
        persons += any(v > 0 for v in visible)
    for name, number in zip(names, labelled, strict=True):
        if number == 0:
            problems.append(Problem(False, f"key point {name}", "is labelled nowhere"))
    if persons == 0:
        problems.append(Problem(True, "the file", "has no annotation with a labelled key point"))
    links = [(int(a) - 1, int(b) - 1) for a, b in category.get("skeleton", [])]
    skeleton = [pair for pair in links if all(0 <= i < len(names) for i in pair)]
    return Report(problems, names, skeleton, labelled, persons)


def _category(category: Mapping[str, Any], names: Sequence[str]) -> Iterator[Problem]:
    where = f"category {category.get('id')}"
    for name, number in Counter(names).items():
        if number > 1:
            yield Problem(True, where, f"the key point {name!r} stands {number} times, expected once")
    for link in category.get("skeleton", []):
        if not all(1 <= int(i) <= len(names) for i in link):
            yield Problem(False, where, f"expected numbers from 1 to {len(names)} in the skeleton, got {link}")


def _images(images: Sequence[Mapping[str, Any]], folder: Path | None) -> Iterator[Problem]:
    ids = Counter(image.get("id") for image in images)
    for image in images:
        where = f"image {image.get('id')}"
        if ids[image.get("id")] > 1:
            yield Problem(True, where, f"its id stands {ids[image.get('id')]} times, expected once")
        for key in ("file_name", "width", "height"):
            if not image.get(key):
                yield Problem(True, where, f"expected `{key}`, got {image.get(key)!r}")
        if folder is not None and image.get("file_name") and not (folder / image["file_name"]).is_file():
            yield Problem(True, where, f"there is no file {folder / image['file_name']}")


def _annotation(annotation: Mapping[str, Any], number: int, image: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    """Whether it is an error, and what."""
    if "iscrowd" not in annotation:
        yield True, "expected `iscrowd` (0 for a person), got nothing"
    box: Any = annotation.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(_finite(value) for value in box):
        yield True, f"expected `bbox` of four numbers (x, y, width, height), got {box}"
    elif box[2] <= 0 or box[3] <= 0:
        yield True, f"expected a box with a positive size, got {box}"
    elif image.get("width") and (box[0] + box[2] > image["width"] + 1 or box[1] + box[3] > image["height"] + 1):
        yield False, f"the box {box} reaches beyond the image of {image['width']}x{image['height']}"
    area = annotation.get("area")
    if not _finite(area) or annotation["area"] <= 0:
        yield True, f"expected a positive `area`, which the score (OKS) is measured by, got {area}"
    flat: Any = annotation.get("keypoints")
    if not isinstance(flat, list) or len(flat) != 3 * number or not all(_finite(value) for value in flat):
        length = len(flat) if isinstance(flat, list) else flat
        yield True, f"expected {3 * number} numbers in `keypoints` (x, y, visibility of {number}), got {length}"
        return
    wrong = sorted({v for v in flat[2::3] if v not in (0, 1, 2)})
    if wrong:
        yield True, f"expected a visibility of 0, 1 or 2, got {wrong}"
    labelled = sum(v > 0 for v in flat[2::3])
    if annotation.get("num_keypoints", labelled) != labelled:
        yield False, f"`num_keypoints` is {annotation['num_keypoints']}, but {labelled} are labelled"
    if image.get("width"):
        points = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
        outside = sum(v > 0 and not (0 <= x <= image["width"] and 0 <= y <= image["height"]) for x, y, v in points)
        if outside:
            yield False, f"{outside} labelled key points lie outside of the image"


def _visibility(annotation: Mapping[str, Any], number: int) -> list[float]:
    flat: Any = annotation.get("keypoints")
    usable = isinstance(flat, list) and len(flat) == 3 * number and all(_finite(value) for value in flat)
    return list(flat[2::3]) if usable else [0] * number


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def flip_pairs(names: Sequence[str]) -> dict[str, str]:
    """For each key point the one that takes its place in a mirror, as far as names tell.

    Args:
        names: E.g. left_knee, RightHip, ankle_l; others are their own.
    """
    mirrored = {name: _SIDE.sub(lambda match: _OTHER[match[0]], name, count=1) for name in names}
    return {name: other for name, other in mirrored.items() if other != name and other in names}
