"""One metric for each predictor of one pass: the numbers of a pass for each."""

from __future__ import annotations

import numpy as np
import pytest
from mmengine.evaluator import BaseMetric
from mmpose.registry import METRICS

from mmpose_ext.evaluation import EachPredictor


@METRICS.register_module(name="MeanDistanceOfTests")
class MeanDistance(BaseMetric):
    """Mean distance to the ground truth, over a weight of the data set."""

    default_prefix = "mean"

    def process(self, data_batch, data_samples) -> None:
        assert self.dataset_meta is not None
        for sample in data_samples:
            found, truth = sample["pred_instances"], sample["gt_instances"]["keypoints"]
            distance = np.linalg.norm(found["keypoints"] - truth, axis=-1).mean()
            self.results.append(distance * found["keypoint_scores"].mean() / self.dataset_meta["unit"])

    def compute_metrics(self, results: list) -> dict[str, float]:
        return {"distance": float(np.mean(results))}


def samples() -> list[dict]:
    random = np.random.default_rng(0)
    found = []
    for _ in range(5):
        points = {name: random.random((1, 3, 2)) for name in ("keypoints", "keypoints_E1", "keypoints_P4")}
        scores = {name.replace("keypoints", "keypoint_scores"): random.random((1, 3)) for name in points}
        found.append({"pred_instances": {**points, **scores}, "gt_instances": {"keypoints": random.random((1, 3, 2))}})
    return found


def test_each_predictor_has_its_own_score() -> None:
    metric = EachPredictor(dict(type="MeanDistanceOfTests"))
    metric.dataset_meta = {"unit": 2.0}
    every = samples()
    for batch in (every[:2], every[2:]):
        metric.process([], batch)
    wanted = {}
    for name in ("E1", "P4"):
        single = MeanDistance()
        single.dataset_meta = {"unit": 2.0}
        for sample in every:
            found = sample["pred_instances"]
            own = {"keypoints": found[f"keypoints_{name}"], "keypoint_scores": found[f"keypoint_scores_{name}"]}
            single.process([], [{**sample, "pred_instances": own}])
        wanted[f"{name}/mean/distance"] = single.evaluate(5)["mean/distance"]
    assert metric.evaluate(5) == wanted and len(set(wanted.values())) == 2
    metric.process([], every[:1])
    assert metric.evaluate(1) != wanted, "a second evaluation starts anew"


def test_one_predictor_is_an_error() -> None:
    sample = samples()[0]
    sample["pred_instances"] = {name: sample["pred_instances"][name] for name in ("keypoints", "keypoint_scores")}
    with pytest.raises(ValueError, match="every_predictor=True in test_cfg"):
        EachPredictor(dict(type="MeanDistanceOfTests")).process([], [sample])
