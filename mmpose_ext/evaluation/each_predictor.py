"""Any metric for each predictor of a network, in one pass over the data (SSN, Table 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.evaluator import BaseMetric
from mmpose.registry import METRICS

__all__ = ["EachPredictor"]

_KEYPOINTS, _SCORES = "keypoints_", "keypoint_scores_"


@METRICS.register_module()
class EachPredictor(BaseMetric):
    """One metric for each predictor of a head whose ``test_cfg`` has ``every_predictor=True``.

    A prediction holds ``keypoints_NAME`` in pixels of the image and ``keypoint_scores_NAME`` for each predictor NAME
    beside its ``keypoints``. What the metric prints as ``coco/AP`` is printed as ``NAME/coco/AP``.

    Args:
        metric: Config of the metric.
        collect_device: Where the results of several processes are gathered, 'cpu' or 'gpu'; the metric has its own.
    """

    default_prefix = ""  # names have that of the metric

    def __init__(self, metric: dict, *, collect_device: str = "cpu") -> None:
        super().__init__(collect_device=collect_device)
        self._config = metric
        self._metrics: dict[str, BaseMetric] = {}

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        """Give each predictor's keypoints to its metric.

        Args:
            data_batch: Handed on.
            data_samples: Predictions and ground truth.

        Raises:
            ValueError: If the predictions are those of one predictor only.
        """
        names = [
            key.removeprefix(_KEYPOINTS) for key in data_samples[0]["pred_instances"] if key.startswith(_KEYPOINTS)
        ]
        names = [name for name in names if _SCORES + name in data_samples[0]["pred_instances"]]
        if not names:
            raise ValueError(
                "expected keypoints of several predictors, got those of one: every_predictor=True in test_cfg"
            )
        for name in sorted(names):  # a sample has its fields in any order
            if name not in self._metrics:
                self._metrics[name] = METRICS.build(dict(self._config))
                self._metrics[name].dataset_meta = self.dataset_meta
            self._metrics[name].process(data_batch, [_of_predictor(sample, name) for sample in data_samples])

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Not called: the metrics of the predictors compute."""
        raise NotImplementedError

    def evaluate(self, size: int) -> dict[str, float]:
        """Scores of all predictors.

        Args:
            size: Number of samples of the data set.
        """
        scores = {name: metric.evaluate(size) for name, metric in self._metrics.items()}
        self._metrics = {}
        return {f"{name}/{key}": value for name, found in scores.items() for key, value in found.items()}


def _of_predictor(sample: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A sample whose prediction is that of one predictor."""
    found = sample["pred_instances"]
    own = {"keypoints": found[_KEYPOINTS + name], "keypoint_scores": found[_SCORES + name]}
    return {**sample, "pred_instances": {**found, **own}}
