"""OKS-NMS keeps what MMPose's keeps."""

from __future__ import annotations

import numpy as np
import pytest
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.evaluation.functional import oks_nms as stock_oks_nms
from mmpose.registry import DATASETS

from mmpose_ext.evaluation import oks_nms as module
from mmpose_ext.evaluation.oks_nms import oks_nms

META = parse_pose_metainfo(DATASETS.get("CocoDataset").METAINFO)


def person(rng: np.random.Generator) -> np.ndarray:
    size = rng.uniform(20, 150)
    return rng.uniform(50, 350, 2) + rng.uniform(0, size, (17, 2))


def detections(rng: np.random.Generator, number: int, *, dtype: type = np.float32, levels: int = 0) -> list[dict]:
    """Persons, half of them near another one, with scores of a few levels where ties are wanted."""
    people: list[np.ndarray] = []
    for _ in range(number):
        near = people and rng.random() < 0.6
        people.append(people[rng.integers(len(people))] + rng.normal(0, 2, (17, 2)) if near else person(rng))
    scores = rng.integers(0, levels, number) / levels if levels else rng.random(number)
    return [
        dict(
            keypoints=np.concatenate([points, rng.random((17, 1))], axis=1).astype(dtype),
            score=score,
            area=dtype(np.prod(np.ptp(points, axis=0))),
        )
        for points, score in zip(people, scores, strict=True)
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("levels", [0, 1, 3])
def test_nms_keeps_the_same(dtype: type, levels: int) -> None:
    """Also where scores tie, as far as all of them being equal."""
    rng, dropped = np.random.default_rng(levels), 0
    for number in [1, 2, 17, 20, 60] * 8:
        instances = detections(rng, number, dtype=dtype, levels=levels)
        for threshold in (0.3, 0.9):
            expected = stock_oks_nms(instances, threshold, sigmas=META["sigmas"])
            np.testing.assert_array_equal(oks_nms(instances, threshold, META["sigmas"]), expected)
            dropped += number - len(expected)
    assert dropped > 100


def test_nms_of_many(monkeypatch) -> None:
    """Row by row where all pairs at once would need too much memory."""
    instances = detections(np.random.default_rng(0), 80)
    expected = stock_oks_nms(instances, 0.5, sigmas=META["sigmas"])
    monkeypatch.setattr(module, "_ALL_PAIRS", 10)
    np.testing.assert_array_equal(oks_nms(instances, 0.5, META["sigmas"]), expected)
    assert len(oks_nms([], 0.5, META["sigmas"])) == 0


def test_nms_at_the_threshold() -> None:
    """The same person twice has an OKS of 1, which is not above 1; a person that is not a number goes."""
    instances = detections(np.random.default_rng(0), 1) * 2
    assert len(oks_nms(instances, 1.0, META["sigmas"])) == 2
    broken = {**instances[0], "keypoints": np.full((17, 3), np.nan, dtype=np.float32), "score": -1.0}
    for threshold in (0.9, 1.0):
        expected = stock_oks_nms([*instances, broken], threshold, sigmas=META["sigmas"])
        np.testing.assert_array_equal(oks_nms([*instances, broken], threshold, META["sigmas"]), expected)
