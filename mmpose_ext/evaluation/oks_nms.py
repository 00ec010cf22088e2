"""Suppression of duplicate persons by OKS, all pairs of an image at once, where MMPose compares one pair at a time.

Shapes: N detections of an image, K keypoints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["oks_nms"]

_ALL_PAIRS = 256
"""Up to this many detections in an image, all pairs are compared at once; more would need too much memory."""


def oks_nms(instances: Sequence[Mapping[str, Any]], threshold: float, sigmas: np.ndarray) -> np.ndarray:
    """Greedy suppression by OKS; keeps what ``mmpose.evaluation.functional.oks_nms`` keeps, in the same order.

    Equal scores are ordered by the same (unstable) sort as there, so that ties fall the same way.

    Args:
        instances: Detections of one image with `keypoints` (K, 3), `score` and `area`.
        threshold: A detection is dropped if its OKS with a better one is above this.
        sigmas: (K,).

    Returns:
        Indices of the kept detections, best first.
    """
    if not instances:
        return np.array([], dtype=np.intp)
    scores = np.array([instance["score"] for instance in instances])
    keypoints = np.array([instance["keypoints"] for instance in instances])[..., :2]
    areas = np.array([instance["area"] for instance in instances])
    number = len(instances)
    everything = _oks_above(keypoints, areas, sigmas, slice(None), threshold) if number <= _ALL_PAIRS else None
    alive, keep = np.ones(number, dtype=bool), []
    for i in scores.argsort()[::-1]:
        if not alive[i]:
            continue
        keep.append(i)
        above = everything[i] if everything is not None else _oks_above(keypoints, areas, sigmas, [i], threshold)[0]
        alive &= ~above
    return np.array(keep)


def _oks_above(
    keypoints: np.ndarray, areas: np.ndarray, sigmas: np.ndarray, rows: slice | list[int], threshold: float
) -> np.ndarray:
    """Which detections (N,) overlap with those of the rows by more than a threshold, (rows, N).

    Each step has the precision that it has in MMPose, where areas are single numbers.
    """
    variances = (sigmas * 2) ** 2
    single = (areas.dtype.type(1) / 2).dtype
    distances = keypoints[rows, None] - keypoints
    sums = (areas[rows, None] + areas).astype(single) / 2
    sizes = sums.astype((single.type(1) + np.spacing(1)).dtype) + np.spacing(1)
    e = (distances[..., 0] ** 2 + distances[..., 1] ** 2) / variances / sizes[..., None] / 2
    oks = np.exp(-e).sum(axis=-1) / e.shape[-1]
    return ~(oks.astype(np.float32) <= threshold)  # so that NaN counts as above
