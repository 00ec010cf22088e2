"""COCO's keypoint metric with the numbers of MMPose's `CocoMetric`, in a fraction of the time.

hotcoco (MIT, Rust, https://github.com/derekallman/hotcoco) takes the place of xtcocotools, and the detections stay in
memory instead of going through a JSON file. OKS-NMS compares all pairs of an image at once.

Shapes: N detections of an image, K keypoints.

Deviations: a detection with a coordinate that is NaN matches nobody; for xtcocotools it matches everybody.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from mmengine.logging import print_log
from mmpose.evaluation.functional import soft_oks_nms
from mmpose.evaluation.metrics import CocoMetric
from mmpose.registry import METRICS
from xtcocotools.coco import COCO

from mmpose_ext.compat.annotation_files import naming_annotations
from mmpose_ext.evaluation.oks_nms import oks_nms

__all__ = ["FastCocoMetric"]

_STATISTICS = ("AP", "AP .5", "AP .75", "AP (M)", "AP (L)", "AR", "AR .5", "AR .75", "AR (M)", "AR (L)")
"""The names that `CocoMetric` gives COCO's ten numbers."""


@METRICS.register_module()
class FastCocoMetric(CocoMetric):
    """:class:`mmpose.evaluation.metrics.CocoMetric` with the same arguments and numbers, faster.

    Without hotcoco (`pip install "mmpose-ext[fast]"`), and for `iou_type="keypoints_crowd"`, xtcocotools evaluates, as
    in `CocoMetric`; only the suppression is faster then.
    """

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the metrics.

        Args:
            results: What `process` collected.
        """
        return FastCocoEvaluation(self).compute_metrics(results)


class FastCocoEvaluation(CocoMetric):
    """One evaluation with the settings of a metric; it holds the detections between suppression and evaluation."""

    def __init__(self, metric: FastCocoMetric) -> None:
        self.__dict__.update(vars(metric))
        self.nms_mode = "none"  # `results2json` suppresses, with the mode of the metric
        self._suppression = metric.nms_mode
        self._hotcoco = _load_hotcoco() if self.iou_type == "keypoints" else None
        self._kept: list[dict] = []

    def results2json(self, keypoints: Mapping[int, list[dict]], outfile_prefix: str) -> None:
        """Suppress duplicates, and write what is left where a file is needed.

        Args:
            keypoints: Image -> its scored detections.
            outfile_prefix: Path of the file without its end `.keypoints.json`.
        """
        kept = {image: self._suppress(instances) for image, instances in keypoints.items()}
        self._kept.extend(instance for instances in kept.values() for instance in instances)
        if self.outfile_prefix is not None or self._hotcoco is None:
            super().results2json(kept, outfile_prefix)

    def _suppress(self, instances: list[dict]) -> list[dict]:
        sigmas = self.dataset_meta["sigmas"]
        if self._suppression == "none":
            return instances
        nms = oks_nms if self._suppression == "oks_nms" else soft_oks_nms
        return [instances[i] for i in nms(instances, self.nms_thr, sigmas=sigmas)]

    @naming_annotations
    def _do_python_keypoint_eval(self, outfile_prefix: str) -> list[tuple[str, float]]:
        if self._hotcoco is None:
            return super()._do_python_keypoint_eval(outfile_prefix)
        sigmas = self.dataset_meta["sigmas"]
        return _evaluate(self._hotcoco, self.coco, self._kept, sigmas=sigmas, use_area=self.use_area)


def _load_hotcoco() -> ModuleType | None:
    """The library if it is installed."""
    try:
        return importlib.import_module("hotcoco")
    except ImportError:
        message = (
            'hotcoco is not installed (pip install "mmpose-ext[fast]"): xtcocotools evaluates, slower, same numbers'
        )
        print_log(message, "current", logging.WARNING)
        return None


def _evaluate(
    hotcoco: ModuleType, truth: COCO, instances: Sequence[Mapping[str, Any]], *, sigmas: np.ndarray, use_area: bool
) -> list[tuple[str, float]]:
    """COCO's ten numbers, as `CocoMetric` names them and xtcocotools computes them.

    Args:
        hotcoco: The library.
        truth: Ground truth.
        instances: Detections with `img_id`, `category_id`, `keypoints` (K, 3), `score` and, if there is one, `bbox`
            (x, y, width, height).
        sigmas: (K,).
        use_area: Whether OKS takes the `area` of an annotation, or 0.53 of the area of its box.

    Returns:
        Names and numbers.

    Raises:
        ValueError: If a detection is of an image that the ground truth does not have.
    """
    unknown = {instance["img_id"] for instance in instances} - set(truth.imgs)
    if unknown:
        raise ValueError(f"expected detections of images in the annotation file, got some of {sorted(unknown)[:5]}")
    annotations = [_annotation(i, one, use_area) for i, one in enumerate(truth.anns.values(), 1)]
    dataset = dict(
        images=[dict(id=i) for i in truth.imgs],
        categories=[dict(id=i, name=str(i)) for i in truth.cats],
        annotations=annotations,
    )
    found = hotcoco.COCO(dataset)
    # xtcocotools leaves out a person without any keypoint
    records = [_record(one) for one in instances if (one["keypoints"][:, 2] > 0).any()]
    evaluation = hotcoco.COCOeval(found, found.load_res(records), "keypoints")
    # MMPose's sigmas are of float32 and xtcocotools squares them as such: take the double whose square is the same
    evaluation.params.kpt_oks_sigmas = (np.sqrt(((sigmas * 2) ** 2).astype(np.float64)) / 2).tolist()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "hotcoco: kpt_oks_sigmas")  # those of a data set are not always COCO's
        evaluation.run()
    return list(zip(_STATISTICS, evaluation.stats, strict=True))


def _annotation(number: int, annotation: Mapping[str, Any], use_area: bool) -> dict[str, Any]:
    """An annotation as xtcocotools reads it: labeled keypoints counted anew, and the area that was asked for."""
    *_, width, height = annotation["bbox"]
    return dict(
        id=number,
        image_id=annotation["image_id"],
        category_id=annotation["category_id"],
        iscrowd=int(annotation["iscrowd"]),
        bbox=annotation["bbox"],
        area=annotation["area"] if use_area else height * width * 0.53,
        keypoints=annotation["keypoints"],
        num_keypoints=sum(visible > 0 for visible in annotation["keypoints"][2::3]),
    )


def _record(instance: Mapping[str, Any]) -> dict[str, Any]:
    """A detection in COCO's format, in plain Python types."""
    record = dict(
        image_id=instance["img_id"],
        category_id=int(instance["category_id"]),
        keypoints=instance["keypoints"].ravel().tolist(),
        score=float(instance["score"]),
    )
    if "bbox" in instance:
        record["bbox"] = instance["bbox"].tolist()
    return record
