"""What the name of a keypoint tells: its partner in a flipped image, and how precisely annotators place it (sigma)."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["SIGMAS", "USUAL_SIGMA", "flip_pairs", "missing_partners", "sigma"]

SIGMAS = {
    "nose": 0.026,
    "eye": 0.025,
    "ear": 0.035,
    "shoulder": 0.079,
    "elbow": 0.072,
    "wrist": 0.062,
    "hip": 0.107,
    "knee": 0.087,
    "ankle": 0.089,
}
"""COCO's, by the part of the body in a name."""
USUAL_SIGMA = 0.067
"""Mean of COCO's, where a name is not among them."""

_SIDE = re.compile(r"left|right|Left|Right|LEFT|RIGHT|(?<![A-Za-z])(?:[lrLR](?![A-Za-z])|[LR](?=[A-Z][a-z]))")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORDS = (("left", "right"), ("Left", "Right"), ("LEFT", "RIGHT"), ("l", "r"), ("L", "R"))
_OTHER = {a: b for pair in _WORDS for a, b in (pair, pair[::-1])}


def flip_pairs(names: Sequence[str]) -> dict[str, str]:
    """For each keypoint its partner in a flipped image, as far as names tell.

    Args:
        names: E.g. left_knee, RightHip, ankle_l; others are their own.
    """
    return {name: other for name, other in _mirrored(names).items() if other in names}


def missing_partners(names: Sequence[str]) -> dict[str, str]:
    """Keypoints whose name has a side and whose other side is not there, with the name that was looked for.

    Args:
        names: Of all keypoints.
    """
    return {name: other for name, other in _mirrored(names).items() if other not in names}


def sigma(name: str) -> float:
    """COCO's sigma of a keypoint, or the mean of all.

    Args:
        name: E.g. left_hip.
    """
    words = re.findall(r"[a-z]+", _HUMP.sub("_", _SIDE.sub("_", name)).lower())
    return next((value for part, value in SIGMAS.items() if part in words), USUAL_SIGMA)


def _mirrored(names: Sequence[str]) -> dict[str, str]:
    """Names with a side -> the same with the other side."""
    found = {name: _SIDE.sub(lambda match: _OTHER[match[0]], name, count=1) for name in names}
    return {name: other for name, other in found.items() if other != name}
