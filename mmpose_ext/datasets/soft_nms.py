"""COCO with Soft-NMS on the boxes of a person detector, as SSN tests with.

N. Bodla et al., Soft-NMS: Improving Object Detection With One Line of Code, ICCV 2017: a box that overlaps a better one
is not dropped, its score falls with the overlap.

Deviations:
    - The SSN paper gives no settings. The defaults are those of the Soft-NMS paper for the Gaussian form.

Shapes: N boxes of one image.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Literal, get_args

import numpy as np
from mmpose.datasets.datasets import CocoDataset
from mmpose.registry import DATASETS

Method = Literal["gaussian", "linear"]


def soft_nms(
    boxes: np.ndarray,
    scores: np.ndarray,
    *,
    method: Method = "gaussian",
    sigma: float = 0.5,
    iou_threshold: float = 0.3,
    min_score: float = 1e-3,
) -> tuple[np.ndarray, np.ndarray]:
    """Lower the scores of boxes that overlap better ones.

    Args:
        boxes: (N, 4), x1, y1, x2, y2.
        scores: (N,).
        method: ``'gaussian'``, a score falls by exp(-IoU^2 / sigma), or ``'linear'``, by 1 - IoU above a threshold.
        sigma: Of the Gaussian form.
        iou_threshold: Of the linear form.
        min_score: Boxes whose score falls below are left out.

    Returns:
        Indices of the boxes that are left, best first, and their new scores.
    """
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    left = np.arange(len(scores))
    scores = scores.astype(np.float64)
    kept: list[int] = []
    while left.size:
        best = left[np.argmax(scores[left])]
        if scores[best] < min_score:
            break
        kept.append(int(best))
        left = left[left != best]
        corner = np.maximum(boxes[left, :2], boxes[best, :2])
        size = np.clip(np.minimum(boxes[left, 2:], boxes[best, 2:]) - corner, 0, None)
        shared = size[:, 0] * size[:, 1]
        iou = shared / np.maximum(area[left] + area[best] - shared, 1e-12)
        factor = np.exp(-(iou**2) / sigma) if method == "gaussian" else np.where(iou > iou_threshold, 1 - iou, 1.0)
        scores[left] *= factor
    return np.array(kept, dtype=int), scores[kept]


@DATASETS.register_module()
class SoftNMSCocoDataset(CocoDataset):
    """``CocoDataset`` that applies :func:`soft_nms` to the boxes of ``bbox_file``, image by image.

    Without ``bbox_file`` it is a ``CocoDataset``.

    Args:
        soft_nms: Arguments of :func:`soft_nms`; an empty dict for its defaults, None to leave the boxes as they are.
        **kwargs: Of ``CocoDataset``.

    Raises:
        ValueError: If an argument is unknown or out of its range.
    """

    def __init__(self, *args: Any, soft_nms: dict | None = None, **kwargs: Any) -> None:
        settings: dict[str, Any] = dict(method="gaussian", sigma=0.5, iou_threshold=0.3, min_score=1e-3)
        unknown = set(soft_nms or {}) - set(settings)
        settings.update(soft_nms or {})
        if unknown or settings["method"] not in get_args(Method):
            raise ValueError(
                f"expected soft_nms with {', '.join(settings)}, and {' or '.join(get_args(Method))} as method, got "
                f"{soft_nms}"
            )
        if not (settings["sigma"] > 0 and 0 <= settings["iou_threshold"] <= 1):
            raise ValueError(f"expected a positive sigma and an iou_threshold in [0, 1], got {soft_nms}")
        self.soft_nms = None if soft_nms is None else settings
        super().__init__(*args, **kwargs)

    def _load_detection_results(self) -> list[dict]:
        """Load the boxes of ``bbox_file`` and suppress among those of each image."""
        persons = super()._load_detection_results()
        if self.soft_nms is None:
            return persons
        by_image: dict[Any, list[dict]] = defaultdict(list)
        for person in persons:
            by_image[person["img_id"]].append(person)
        result: list[dict] = []
        for group in by_image.values():
            boxes = np.concatenate([person["bbox"] for person in group])
            scores = np.concatenate([person["bbox_score"] for person in group])
            for index, score in zip(*soft_nms(boxes, scores, **self.soft_nms), strict=True):
                result.append({**group[index], "bbox_score": np.array([score], dtype=np.float32), "id": len(result)})
        return result
