"""PCK normalized by the torso: the metric of the published tables on Leeds Sports Poses (LSP).

A keypoint is right if it is predicted within a share of the torso of its person, the distance from the left shoulder
to the right hip of the ground truth (Sapp and Taskar, CVPR 2013). Left and right are the person's own. The numbers are
those of `eval_pck.m` in github.com/bearpaw/eval_pose: distances up to and including the threshold count, head is the
mean of neck and head top, the other parts are the means of both sides, and AUC is the area under the curve from 0 to
the threshold in steps of a twentieth, in percent.

Hidden joints count as all labeled ones. A person whose torso has an end that is not labeled, or no length, can't be
normalized and is left out, with all joints; how many were is among the scores. LSP has none, LSPET has many.

Shapes: N persons, K keypoints, T thresholds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import is_main_process
from mmengine.evaluator import BaseMetric
from mmpose.registry import METRICS

from mmpose_ext.atomic import atomic_write

__all__ = ["PARTS", "TORSO", "TorsoPCK", "area_under_curve", "torso_distances"]

TORSO = ("left_shoulder", "right_hip")
"""Ends of the torso."""
PARTS: dict[str, tuple[str, str]] = {
    "head": ("neck", "head_top"),
    "shoulder": ("left_shoulder", "right_shoulder"),
    "elbow": ("left_elbow", "right_elbow"),
    "wrist": ("left_wrist", "right_wrist"),
    "hip": ("left_hip", "right_hip"),
    "knee": ("left_knee", "right_knee"),
    "ankle": ("left_ankle", "right_ankle"),
}
"""Part of the body -> its two keypoints, in the order of the published tables."""
_STEPS = 20


def torso_distances(
    predicted: np.ndarray, truth: np.ndarray, labeled: np.ndarray, *, torso: tuple[int, int]
) -> np.ndarray:
    """Distances of predictions in torsos of their persons.

    Args:
        predicted: (N, K, 2) pixels; a keypoint that is not finite is infinitely far.
        truth: (N, K, 2) pixels.
        labeled: (N, K) bool.
        torso: Indices of both ends of the torso.

    Returns:
        (N, K), NaN where a keypoint is not labeled, and for all of a person without a torso.
    """
    first, second = torso
    length = np.linalg.norm(truth[:, first] - truth[:, second], axis=-1)
    measurable = labeled[:, first] & labeled[:, second] & (length > 0)
    distance = np.nan_to_num(np.linalg.norm(predicted - truth, axis=-1), nan=np.inf)
    distance = distance / np.where(measurable, length, 1)[:, None]
    return np.where(labeled & measurable[:, None], distance, np.nan)


def area_under_curve(curve: np.ndarray) -> float:
    """Mean height of a curve over equally spaced points, linear between them.

    Args:
        curve: (T,), at least two.
    """
    return float((curve[1:] + curve[:-1]).mean() / 2)


@METRICS.register_module()
class TorsoPCK(BaseMetric):
    """PCK normalized by the torso, by part of the body, with its curve.

    The data set names its keypoints as LSP does: those of :data:`PARTS`, in any order and among others.

    Args:
        threshold: Allowed distance in torsos.
        outfile_prefix: Writes the curve of each part to `<outfile_prefix>.torso_pck.json` if given.
        collect_device: Where the results of several processes are gathered, 'cpu' or 'gpu'.
        prefix: Prefix of the printed names; 'torso' if None.

    Raises:
        ValueError: If the threshold is not positive.
    """

    default_prefix = "torso"

    def __init__(
        self,
        *,
        threshold: float = 0.2,
        outfile_prefix: str | None = None,
        collect_device: str = "cpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if threshold <= 0:
            raise ValueError(f"expected a positive threshold, got {threshold}")
        self.threshold = threshold
        self.outfile_prefix = outfile_prefix

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        """Store the distances of one batch.

        Args:
            data_batch: Unused.
            data_samples: Predictions and ground truth.

        Raises:
            ValueError: If the data set lacks a keypoint that the metric names, or there are not as many predictions.
        """
        index = self._indices()
        for sample in data_samples:
            truth = sample["gt_instances"]
            predicted, expected = np.asarray(sample["pred_instances"]["keypoints"]), np.asarray(truth["keypoints"])
            if predicted.shape != expected.shape:
                raise ValueError(f"expected predictions of shape {expected.shape}, got {predicted.shape}")
            labeled = np.asarray(truth["keypoints_visible"]).reshape(*expected.shape[:2], -1)[..., 0] > 0
            torso = (index[TORSO[0]], index[TORSO[1]])
            self.results.extend(torso_distances(predicted, expected, labeled, torso=torso))

    def _indices(self) -> dict[str, int]:
        """Name -> index of each keypoint that the metric names."""
        known = (self.dataset_meta or {}).get("keypoint_name2id", {})
        wanted = [*TORSO, *(name for part in PARTS.values() for name in part)]
        if missing := [name for name in dict.fromkeys(wanted) if name not in known]:
            raise ValueError(f"expected a data set with {', '.join(missing)}, got {', '.join(known) or 'no keypoints'}")
        return {name: known[name] for name in wanted}

    def compute_metrics(self, results: list[np.ndarray]) -> dict[str, float]:
        """Scores in percent.

        Args:
            results: Distances (K,) of each person.

        Returns:
            The mean of the parts as `PCK@<threshold>`, each part, `AUC`, and the numbers of persons that were counted
            (`persons`) and left out (`without_torso`). A part with a keypoint that no person has is left out.

        Raises:
            ValueError: If no person has a torso.
        """
        distances = np.stack(results)
        counted = ~np.isnan(distances).all(axis=1)
        if not counted.any():
            raise ValueError(f"expected persons with {' and '.join(TORSO)} labeled, got none among {len(distances)}")
        thresholds = self.threshold * np.arange(_STEPS + 1) / _STEPS
        thresholds[-1] = self.threshold
        curves = self._curves(distances, thresholds)
        mean = np.mean(list(curves.values()), axis=0)
        metrics = {f"PCK@{self.threshold:g}": float(mean[-1])}
        metrics |= {part: float(curve[-1]) for part, curve in curves.items()}
        metrics |= {
            "AUC": area_under_curve(mean),
            "persons": int(counted.sum()),
            "without_torso": int((~counted).sum()),
        }
        if self.outfile_prefix is not None and is_main_process():
            self._write(thresholds, {"mean": mean, **curves}, metrics)
        return metrics

    def _curves(self, distances: np.ndarray, thresholds: np.ndarray) -> dict[str, np.ndarray]:
        """Part -> percentages (T,) of its keypoints that are right at each threshold, the mean of its two keypoints."""
        index, curves = self._indices(), {}
        for part, names in PARTS.items():
            columns = [distances[:, index[name]] for name in names]
            known = [column[~np.isnan(column)] for column in columns]
            if all(len(column) for column in known):
                right = [100 * (column[:, None] <= thresholds).mean(axis=0) for column in known]
                curves[part] = np.mean(right, axis=0)
        return curves

    def _write(self, thresholds: np.ndarray, curves: Mapping[str, np.ndarray], metrics: Mapping[str, Any]) -> None:
        path = Path(f"{self.outfile_prefix}.torso_pck.json")
        content = {"thresholds": thresholds.round(6).tolist(), "scores": dict(metrics)}
        content["curves"] = {name: curve.round(4).tolist() for name, curve in curves.items()}
        with atomic_write(path) as partial:
            partial.write_text(json.dumps(content, indent=1) + "\n")
