"""COCO's data and evaluation as xtcocotools extends them for poses: parts of the whole body, crowds, boxes for areas.

The numbers are those of xtcocotools 1.14.3, for which this stands in where it is missing
(:mod:`mmpose_ext.compat.xtcocotools_modules`); the evaluation itself is pycocotools'.
"""

from __future__ import annotations

import contextlib
import copy
import io
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import coco, cocoeval

__all__ = ["COCO", "COCOeval"]

PARTS = {
    "wholebody": ("keypoints", "foot_kpts", "face_kpts", "lefthand_kpts", "righthand_kpts"),
    "foot": ("foot_kpts",),
    "face": ("face_kpts",),
    "lefthand": ("lefthand_kpts",),
    "righthand": ("righthand_kpts",),
}
"""Part of the body -> the fields of an annotation that hold its keypoints, in their order."""

BOX_TO_AREA = 0.53
"""The area of a person as a share of the box, where annotations have no areas."""

CROWD_LEVELS = ((0, 0.2), (0.2, 0.8), (0.8, np.inf))
"""Crowd index of easy, medium and hard images: from the first value to below the second."""


class COCO(coco.COCO):
    """Annotations in COCO's format.

    Args:
        annotation_file: Path of a JSON file; None for an empty data set.
        test_index: Keep these keypoints of each annotation, in this order; None for all.
        ann_data: The content of the file, where it has been read already.
    """

    def __init__(
        self,
        annotation_file: str | None = None,
        test_index: Sequence[int] | None = None,
        ann_data: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(annotation_file if ann_data is None else None)
        self.anno_file = [annotation_file]
        self.test_index = test_index
        if ann_data is not None:
            self.dataset = ann_data
            self.createIndex()
        for annotation in self.dataset.get("annotations", []):
            if test_index is not None:
                keypoints = np.array(annotation["keypoints"]).reshape(-1, 3)
                annotation["keypoints"] = keypoints[test_index].ravel().tolist()
            annotation.setdefault("iscrowd", False)

    def loadRes(  # noqa: N802
        self, resFile: str | list[dict[str, Any]] | np.ndarray, resData: list[dict[str, Any]] | None = None
    ) -> coco.COCO:
        """Read detections.

        Args:
            resFile: Path of a JSON file, or its content.
            resData: The content of the file, where it has been read already.

        Returns:
            The detections as annotations of the same images.

        Raises:
            AssertionError: If a detection is of another image.
        """
        if len(self.anno_file) == 1:
            self.anno_file.append(resFile if isinstance(resFile, str) else None)
        content = resData if resData is not None else resFile
        if isinstance(content, list) and not content:  # pycocotools looks at the first one
            found = COCO(ann_data=dict(images=list(self.dataset["images"]), annotations=[]))
            found.dataset["categories"] = copy.deepcopy(self.dataset.get("categories", []))
            found.createIndex()
            return found
        return super().loadRes(content)


class COCOeval(cocoeval.COCOeval):
    """COCO's evaluation with the keypoints, scores and areas that the kind of evaluation asks for.

    Args:
        cocoGt: Ground truth.
        cocoDt: Detections.
        iouType: ``bbox``, ``segm``, ``keypoints``, ``keypoints_crowd``, or ``keypoints_`` and a part: ``body``,
            ``foot``, ``face``, ``lefthand``, ``righthand``, ``wholebody``.
        sigmas: (K,) falloff of each keypoint; None for COCO's 17.
        use_area: Whether OKS takes the ``area`` of an annotation, or 0.53 of the area of its box.
    """

    def __init__(
        self,
        cocoGt: COCO | None = None,
        cocoDt: coco.COCO | None = None,
        iouType: str = "keypoints",
        sigmas: np.ndarray | None = None,
        use_area: bool = True,
    ) -> None:
        kind, _, part = iouType.partition("_")
        super().__init__(cocoGt, cocoDt, kind)
        self.part = part
        self.use_area = use_area
        self.score_key = f"{part}_score" if part in PARTS else "score"
        if sigmas is not None and kind == "keypoints":
            self.params.kpt_oks_sigmas = sigmas

    def _prepare(self) -> None:
        """Lay out truth and detections by image and category: in each the part's keypoints, score and area."""
        if self.params.iouType != "keypoints":
            super()._prepare()
            return
        categories = self.params.catIds if self.params.useCats else []
        truth, found = (
            one.loadAnns(one.getAnnIds(imgIds=self.params.imgIds, catIds=categories))
            for one in (self.cocoGt, self.cocoDt)
        )
        if any(self.score_key not in detection for detection in found):
            warnings.warn(f"{self.score_key!r} not found, use 'score' instead.", stacklevel=2)
        self._gts, self._dts = defaultdict(list), defaultdict(list)
        # An id of 0 is no match for pycocotools.
        shift = 1 - min((annotation["id"] for annotation in truth), default=1)
        for annotation in truth:
            self._gts[annotation["image_id"], annotation["category_id"]].append(self._person(annotation, shift))
        for detection in found:
            keypoints = self._keypoints(detection)
            if any(visible > 0 for visible in keypoints[2::3]):
                score = detection.get(self.score_key, detection["score"])
                place = detection["image_id"], detection["category_id"]
                self._dts[place].append({**detection, "keypoints": keypoints, "score": score})
        self.evalImgs: dict[Any, Any] = defaultdict(list)
        self.eval: dict[str, Any] = {}

    def _keypoints(self, annotation: Mapping[str, Any]) -> list[float]:
        """The part's keypoints of an annotation or detection, (x, y, visibility or score) in a row."""
        return [value for name in PARTS.get(self.part, ("keypoints",)) for value in annotation[name]]

    def _person(self, annotation: Mapping[str, Any], shift: int) -> dict[str, Any]:
        """An annotation as pycocotools should see it."""
        keypoints = self._keypoints(annotation)
        # CrowdPose counts only the keypoints that can be seen.
        count = annotation["num_keypoints"] if self.part == "crowd" else sum(visible > 0 for visible in keypoints[2::3])
        area = annotation["bbox"][2] * annotation["bbox"][3] * BOX_TO_AREA
        return {
            **annotation,
            "id": annotation["id"] + shift,
            "keypoints": keypoints,
            "num_keypoints": count,
            "area": annotation["area"] if self.use_area else area,
            "ignore": count == 0 or bool(annotation.get("iscrowd")),
        }

    def summarize(self) -> None:
        """Print COCO's ten numbers and keep them; for crowds keep six and the average precision of three levels.

        Raises:
            Exception: If nothing was accumulated.
        """
        self.stats: np.ndarray
        super().summarize()
        if self.part != "crowd":
            return
        images, ten = self.params.imgIds, self.stats
        with contextlib.redirect_stdout(io.StringIO()):
            levels = [self._crowd_level(low, high) for low, high in CROWD_LEVELS]
        self.params.imgIds = images
        self.stats = np.array([*ten[[0, 1, 2, 5, 6, 7]], *levels])

    def _crowd_level(self, low: float, high: float) -> float:
        """The average precision on the images of one level."""
        self.params.imgIds = [image["id"] for image in self.cocoGt.imgs.values() if low <= image["crowdIndex"] < high]
        self.evaluate()
        self.accumulate()
        return round(float(np.mean(self.eval["precision"][:, :, :, 0, :])), 4)
