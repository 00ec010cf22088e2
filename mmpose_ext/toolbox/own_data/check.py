"""Checks a COCO-style keypoint file and reports what is wrong, by annotation id.

Shapes: K keypoints.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmpose_ext.toolbox.json_file import read_json, shown
from mmpose_ext.toolbox.own_data.category import category_findings, skeleton
from mmpose_ext.toolbox.own_data.image import image_findings
from mmpose_ext.toolbox.own_data.person import Finding, is_identity, person_findings, visibility

__all__ = ["Problem", "Report", "check", "load"]

_WHOLE = ("category", "the file")
"""Kinds of problems that concern all annotations."""


class Problem(NamedTuple):
    """Something wrong."""

    error: bool
    """Whether training would fail or learn nonsense; if not, it is a warning."""
    kind: str
    """Annotation, image, category, keypoint or file."""
    name: str
    """Its id or name."""
    what: str
    """What was expected and what came."""

    @property
    def where(self) -> str:
        """Kind and name."""
        return f"{self.kind} {self.name}".strip()


class Report(NamedTuple):
    """What was found in a file."""

    problems: list[Problem]
    """In the order of the file."""
    category: Mapping[str, Any]
    """The one with keypoints."""
    keypoints: list[str]
    """Names of the keypoints."""
    skeleton: list[tuple[int, int]]
    """Pairs of numbers, from 0."""
    labeled: list[int]
    """For each keypoint, in how many annotations it is labeled."""
    persons: int
    """Annotations with at least one labeled keypoint."""
    images: list[Mapping[str, Any]]
    """Those without an error."""
    annotations: list[Mapping[str, Any]]
    """Those of the category with keypoints, without an error, on an image without one."""

    @property
    def errors(self) -> int:
        """Number of errors."""
        return sum(problem.error for problem in self.problems)

    @property
    def whole_errors(self) -> int:
        """Number of errors of the whole file, such as two keypoints of one name: nothing can be left out for them."""
        return sum(problem.error and problem.kind in _WHOLE for problem in self.problems)


def load(path: Path) -> dict[str, Any]:
    """Read a file.

    Args:
        path: COCO-style JSON.

    Raises:
        ValueError: If it is not JSON with `images`, `annotations` and a category with keypoints.
    """
    content = read_json(path)
    parts = ("images", "annotations", "categories")
    if not isinstance(content, dict) or not all(isinstance(content.get(part), list) for part in parts):
        found = ", ".join(sorted(content)) if isinstance(content, dict) else f"a {type(content).__name__}"
        raise ValueError(f"expected the lists {', '.join(parts)} in {path}, got {found or 'nothing'}")
    if not _with_keypoints(content):
        raise ValueError(f"expected a category with an `id` and `keypoints`, a list of names, in {path}, got none")
    return content


def check(content: Mapping[str, Any], *, images: Path | None = None) -> Report:
    """Look for everything that is wrong.

    Args:
        content: What :func:`load` returned. Of several categories with keypoints the one with most annotations counts.
        images: Folder of the images; their presence and their sizes are checked with it.
    """
    category = _category(content)
    names = [name if isinstance(name, str) else shown(name) for name in category["keypoints"]]
    problems = [
        Problem(error, "category", shown(category["id"]), what) for error, what in category_findings(category, names)
    ]
    usable, found = _entries("image", content["images"], lambda image: image_findings(image, images))
    problems += found
    known = {image["id"]: image for image in usable}
    listed = {image["id"] for image in content["images"] if _has_id(image)}

    def inspect(annotation: Mapping[str, Any]) -> Iterator[Finding]:
        number: Any = annotation.get("image_id")
        if not is_identity(number):
            yield True, f"expected a whole number as its `image_id`, got {shown(number)}"
        elif number not in listed:
            yield True, f"there is no image {number}"
        yield from person_findings(annotation, names, known.get(number) if is_identity(number) else None)

    mine, others = _of_category(content["annotations"], category["id"])
    persons, found = _entries("annotation", mine, inspect)
    persons = [person for person in persons if person["image_id"] in known]
    seen = [visibility(entry, names) for entry in mine if isinstance(entry, dict)]
    labeled = [sum(one[k] > 0 for one in seen) for k in range(len(names))]
    problems += [*others, *found, *_whole(names, labeled, persons)]
    number = sum(any(v > 0 for v in one) for one in seen)
    return Report(problems, category, names, skeleton(category, len(names)), labeled, number, usable, persons)


def _with_keypoints(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The categories that have keypoints."""
    return [
        category
        for category in content["categories"]
        if isinstance(category, dict) and "id" in category and isinstance(category.get("keypoints"), list)
        if category["keypoints"]
    ]


def _category(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The category with keypoints that most annotations belong to."""
    uses = Counter(shown(entry.get("category_id")) for entry in content["annotations"] if isinstance(entry, dict))
    return max(_with_keypoints(content), key=lambda one: uses[shown(one["id"])])


def _of_category(entries: Sequence[Any], category: Any) -> tuple[list[Any], list[Problem]]:
    """The annotations of the category, with what is no annotation at all, and a word on each of the others."""
    mine, others = [], []
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("category_id") == category:
            mine.append(entry)
            continue
        text = f"left out: expected category {category}, which has the keypoints, got {shown(entry.get('category_id'))}"
        others.append(Problem(False, "annotation", shown(entry.get("id")), text))
    return mine, others


def _entries(
    kind: str, entries: Sequence[Any], inspect: Callable[[Mapping[str, Any]], Iterator[Finding]]
) -> tuple[list[Mapping[str, Any]], list[Problem]]:
    """Look at all images or annotations: those without an error, and the problems."""
    times = Counter(entry["id"] for entry in entries if _has_id(entry))
    good: dict[int, Mapping[str, Any]] = {}
    problems: list[Problem] = []
    met: set[int] = set()
    for place, entry in enumerate(entries, start=1):
        if not _has_id(entry):
            came = shown(entry.get("id")) if isinstance(entry, dict) else f"no dict but {shown(entry)}"
            text = f"expected a whole number as its `id`, got {came}"
            problems.append(Problem(True, kind, f"no. {place} of the list", text))
            continue
        identity = entry["id"]
        findings = [] if identity in met else list(inspect(entry))
        if times[identity] > 1 and identity not in met:
            findings.append((True, f"{times[identity]} entries have its id, expected one"))
        met.add(identity)
        problems += [Problem(error, kind, str(identity), what) for error, what in findings]
        if times[identity] == 1 and not any(error for error, _ in findings):
            good[identity] = entry
    return list(good.values()), problems


def _has_id(entry: Any) -> bool:
    return isinstance(entry, dict) and is_identity(entry.get("id"))


def _whole(names: Sequence[str], labeled: Sequence[int], persons: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """What only all annotations together tell."""
    if not any(labeled):
        yield Problem(True, "the file", "", "has no annotation with a labeled keypoint")
        return
    for name, number in zip(names, labeled, strict=True):
        if number == 0:
            yield Problem(False, "keypoint", name, "never labeled")
    flat = [one["keypoints"] for one in persons]
    if flat and all(0 <= value <= 1 for one in flat for i, value in enumerate(one) if i % 3 < 2):
        yield Problem(True, "the file", "", "has coordinates from 0 to 1 only; expected pixels")
