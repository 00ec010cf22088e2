"""What can be wrong with the category of a COCO-style keypoint file: its names and its skeleton.

Shapes: K keypoints.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmpose_ext.toolbox.json_file import shown
from mmpose_ext.toolbox.own_data.keypoint_names import flip_pairs, missing_partners
from mmpose_ext.toolbox.own_data.person import Finding, is_identity

__all__ = ["category_findings", "skeleton"]


def category_findings(category: Mapping[str, Any], names: Sequence[str]) -> Iterator[Finding]:
    """What is wrong with the names of the keypoints, and with the skeleton.

    Args:
        category: As in the file.
        names: Of its keypoints.
    """
    if not is_identity(category["id"]):
        yield True, f"expected a whole number as its `id`, got {shown(category['id'])}"
    for name in category["keypoints"]:
        if not isinstance(name, str) or not name:
            yield True, f"expected names in `keypoints`, got {shown(name)}"
    for name, number in Counter(names).items():
        if number > 1:
            yield True, f"there are {number} keypoints named {shown(name)}, expected one"
    links = category.get("skeleton") or []
    for link in links if isinstance(links, list) else [links]:
        if not _is_link(link, len(names)):
            text = (
                f"expected pairs of numbers from 1 to {len(names)} in the skeleton, got {shown(link)}; it is left out"
            )
            yield False, text
    if not flip_pairs(names):
        text = "no name has a side, so each keypoint is its own mirror image; if that is wrong, edit metainfo.py"
        yield False, text
    for name, other in missing_partners(names).items():
        yield False, f"{name} has the name of one side, but there is no {other}"


def skeleton(category: Mapping[str, Any], number: int) -> list[tuple[int, int]]:
    """Pairs of keypoints that a line joins, from 0; links that can't be read are left out.

    Args:
        category: As in the file.
        number: K.
    """
    links = category.get("skeleton") or []
    return [(link[0] - 1, link[1] - 1) for link in links if _is_link(link, number)] if isinstance(links, list) else []


def _is_link(link: Any, number: int) -> bool:
    return isinstance(link, list) and len(link) == 2 and all(isinstance(i, int) and 1 <= i <= number for i in link)
