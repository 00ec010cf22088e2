"""The fast metric keeps what MMPose's keeps and prints the same numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.evaluation.functional import oks_nms as stock_oks_nms
from mmpose.registry import DATASETS, METRICS

from mmpose_ext.evaluation import fast_coco
from mmpose_ext.evaluation.fast_coco import oks_nms

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
    monkeypatch.setattr(fast_coco, "_ALL_PAIRS", 10)
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


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """Twelve images with up to four persons, some without a labelled key point, one of them a crowd."""
    rng = np.random.default_rng(0)
    annotations: list[dict[str, Any]] = []
    for image in range(12):
        for _ in range(rng.integers(0, 5)):
            points, visible = person(rng).round(1), rng.integers(0, 3, (17, 1)) * (rng.random() > 0.2)
            box = [float(v) for v in (*points.min(axis=0), *np.ptp(points, axis=0))]
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=image,
                    category_id=1,
                    iscrowd=int(len(annotations) == 3),
                    area=box[2] * box[3] * 0.6,
                    bbox=box,
                    num_keypoints=int((visible > 0).sum()),
                    keypoints=np.concatenate([points * (visible > 0), visible], axis=1).ravel().tolist(),
                )
            )
    images = [dict(id=i, width=500, height=500, file_name=f"{i}.jpg", crowdIndex=i / 12) for i in range(12)]
    categories = [dict(id=1, name="person", keypoints=[], skeleton=[])]
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(dict(images=images, annotations=annotations, categories=categories)))
    return path


def samples(truth: Path, dtype: type) -> list[dict]:
    rng, found = np.random.default_rng(1), []
    for annotation in json.loads(truth.read_text())["annotations"] * 2:
        points = np.array(annotation["keypoints"]).reshape(1, 17, 3)[..., :2] + rng.normal(0, 3, (1, 17, 2))
        box = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1).astype(np.float32)
        instances = dict(
            keypoints=points.astype(dtype),
            keypoint_scores=rng.random((1, 17)).astype(np.float32),
            bboxes=box,
            bbox_scores=rng.random(1).astype(np.float32),
        )
        boxes = dict(bbox_scores=np.ones(1), bbox_scales=box[:, 2:] - box[:, :2])
        ids = dict(id=len(found), img_id=annotation["image_id"], category_id=np.array(1))  # as MMPose's data sets do
        found.append(dict(**ids, pred_instances=instances, gt_instances=boxes))
    return found


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "options",
    [
        {},
        dict(use_area=False),
        dict(nms_mode="soft_oks_nms"),
        dict(nms_mode="none"),
        dict(score_mode="bbox"),
        dict(iou_type="keypoints_crowd", use_area=False),
        dict(nms_thr=0.1),
    ],
    ids=str,
)
def test_the_same_numbers_and_the_same_file(truth: Path, tmp_path: Path, options: dict, dtype: type) -> None:
    scores, files = [], []
    for kind in ("CocoMetric", "FastCocoMetric"):
        prefix = tmp_path / kind
        metric = METRICS.build(dict(type=kind, ann_file=str(truth), outfile_prefix=str(prefix), **options))
        metric.dataset_meta = dict(META)
        metric.process([], samples(truth, dtype))
        scores.append(metric.compute_metrics(metric.results))
        files.append(json.loads(Path(f"{prefix}.keypoints.json").read_text()))
        assert metric.nms_mode == options.get("nms_mode", "oks_nms")
    assert scores[0] == scores[1] and 0 < scores[0]["AP"] < 1
    assert files[0] == files[1] and len(files[0]) > 10


def test_only_the_file(truth: Path, tmp_path: Path) -> None:
    metric = METRICS.build(dict(type="FastCocoMetric", format_only=True, outfile_prefix=str(tmp_path / "new" / "a")))
    metric.dataset_meta, metric.coco = dict(META), object()
    metric.process([], samples(truth, np.float32))
    assert metric.compute_metrics(metric.results) == {}
    lines = (tmp_path / "new" / "a.keypoints.json").read_text().splitlines()
    assert lines[0] == "[" and lines[-1] == "]" and all(line.startswith('{"bbox": [') for line in lines[1:-1])


def test_no_file_unless_asked(truth: Path, tmp_path: Path) -> None:
    metric = METRICS.build(dict(type="FastCocoMetric", ann_file=str(truth)))
    metric.dataset_meta = dict(META)
    metric.process([], samples(truth, np.float32))
    metric.compute_metrics(metric.results)
    assert list(tmp_path.iterdir()) == [truth]
