"""PCKh of MPII at any thresholds, in which the ground truth scores 100.

PCKh@t is the share of labeled joints predicted within t head sizes (Andriluka et al., CVPR 2014). Pelvis and thorax
do not count. Deviations from MMPose's `MpiiPCKAccuracy`: predictions and ground truth are compared in the frame of
the data set, without adding 1 to the predictions (see `docs/evaluation.md`).

Shapes: N persons, K = 16 joints.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmpose.registry import METRICS

GROUPS: dict[str, tuple[int, ...]] = {
    "Head": (9,),
    "Shoulder": (12, 13),
    "Elbow": (11, 14),
    "Wrist": (10, 15),
    "Hip": (2, 3),
    "Knee": (1, 4),
    "Ankle": (0, 5),
}
"""Joints of each printed group."""

_NUM_JOINTS, _NOT_COUNTED = 16, (6, 7)


@METRICS.register_module()
class MpiiPCKh(BaseMetric):
    """PCKh for data in MPII's format.

    Args:
        thresholds: Allowed distances in head sizes. The groups of joints are printed for the first.
        collect_device: Where the results of several processes are gathered, 'cpu' or 'gpu'.
        prefix: Prefix of the printed names; 'mpii' if None.
    """

    default_prefix = "mpii"

    def __init__(
        self,
        *,
        thresholds: Sequence[float] = (0.5, 0.1),
        collect_device: str = "cpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if not thresholds or min(thresholds) <= 0:
            raise ValueError(f"thresholds has to be a sequence of positive numbers, got {thresholds}")
        self.thresholds = tuple(thresholds)

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        """Store the distances of one batch, in head sizes; NaN where a joint is not labeled.

        Args:
            data_batch: Unused.
            data_samples: Predictions and ground truth.
        """
        for sample in data_samples:
            truth = sample["gt_instances"]
            if "head_size" not in truth:
                raise ValueError("MpiiPCKh needs `head_size`: give the test data set its `headbox_file`")
            predicted, labeled = sample["pred_instances"]["keypoints"], truth["keypoints_visible"]
            if predicted.shape[1] != _NUM_JOINTS:
                raise ValueError(f"MpiiPCKh expects {_NUM_JOINTS} joints in MPII's order, got {predicted.shape[1]}")
            distance = np.linalg.norm(predicted - truth["keypoints"], axis=-1)
            distance = np.nan_to_num(distance, nan=np.inf)  # a joint that is not found is wrong, not unlabeled
            distance = distance / np.asarray(truth["head_size"]).reshape(-1, 1)
            seen = labeled.reshape(len(labeled), _NUM_JOINTS, -1)[..., 0] > 0
            self.results.extend(np.where(seen, distance, np.nan))

    def compute_metrics(self, results: list[np.ndarray]) -> dict[str, float]:
        """Scores in percent.

        Args:
            results: Distances (K,) of each person.

        Returns:
            `PCKh@t` for each threshold, and the groups of joints for the first one. A group without a labeled
            joint is left out.
        """
        distances = np.stack(results)
        labeled = ~np.isnan(distances)
        counted = labeled.copy()
        counted[:, _NOT_COUNTED] = False
        metrics: dict[str, float] = {}
        for threshold in self.thresholds:
            metrics[f"PCKh@{threshold:g}"] = _percentage(distances, counted, threshold)
        for name, joints in GROUPS.items():
            scores = [_percentage(distances[:, [j]], labeled[:, [j]], self.thresholds[0]) for j in joints]
            if not np.isnan(scores).any():
                metrics[name] = float(np.mean(scores))
        return metrics


def _percentage(distances: np.ndarray, labeled: np.ndarray, threshold: float) -> float:
    """Percentage of the labeled joints (N, K) that are nearer than the threshold."""
    return 100.0 * float(np.mean(distances[labeled] < threshold)) if labeled.any() else float("nan")
