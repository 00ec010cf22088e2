"""The fast metric prints the numbers of MMPose's and writes the same file."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.logging import MMLogger
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS, METRICS

META = parse_pose_metainfo(DATASETS.get("CocoDataset").METAINFO)
KEYPOINTS = {17: META, 14: dict(META, num_keypoints=14, sigmas=np.linspace(0.03, 0.1, 14))}

needs_hotcoco = pytest.mark.skipif(
    importlib.util.find_spec("hotcoco") is None, reason="hotcoco is not installed (the extra `fast`)"
)
library = pytest.mark.parametrize("library", [pytest.param("hotcoco", marks=needs_hotcoco), "xtcocotools"])
"""Which library evaluates: the second one where the first is missing."""


@pytest.fixture(autouse=True)
def _only(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make hotcoco unimportable where a test asks for xtcocotools."""
    if getattr(request.node, "callspec", None) and request.node.callspec.params.get("library") == "xtcocotools":
        monkeypatch.setitem(sys.modules, "hotcoco", None)


def person(rng: np.random.Generator, number: int) -> np.ndarray:
    return rng.uniform(50, 350, 2) + rng.uniform(0, rng.uniform(15, 200), (number, 2))


def write_truth(path: Path, *, keypoints: int = 17, categories: int = 1, first: int = 1) -> Path:
    """Twelve images with up to four persons of all sizes, some without a labeled keypoint, one of them a crowd."""
    rng = np.random.default_rng(0)
    annotations: list[dict[str, Any]] = []
    for image in range(12):
        for _ in range(rng.integers(0, 5)):
            points = person(rng, keypoints).round(1)
            visible = rng.integers(0, 3, (keypoints, 1)) * (rng.random() > 0.2)
            box = [float(v) for v in (*points.min(axis=0), *np.ptp(points, axis=0))]
            annotations.append(
                dict(
                    id=len(annotations) + first,
                    image_id=image,
                    category_id=len(annotations) % categories + 1,
                    iscrowd=int(len(annotations) == 3),
                    area=box[2] * box[3] * 0.6,
                    bbox=box,
                    num_keypoints=keypoints,  # wrong, and the evaluation counts anew
                    keypoints=np.concatenate([points * (visible > 0), visible], axis=1).ravel().tolist(),
                )
            )
    images = [dict(id=i, width=500, height=500, file_name=f"{i}.jpg", crowdIndex=i / 12) for i in range(12)]
    named = [dict(id=i + 1, name=f"kind {i}", keypoints=[], skeleton=[]) for i in range(categories)]
    path.write_text(json.dumps(dict(images=images, annotations=annotations, categories=named)))
    return path


def samples(
    truth: Path, *, dtype: type = np.float32, copies: int = 2, levels: int = 0, boxes: bool = True
) -> list[dict]:
    """Every person found a few times, with scores of a few levels where ties are wanted; one is without keypoints."""
    rng, found = np.random.default_rng(1), []
    for annotation in json.loads(truth.read_text())["annotations"] * copies:
        points = np.array(annotation["keypoints"]).reshape(1, -1, 3)[..., :2]
        points = points + rng.normal(0, rng.uniform(0, 8), points.shape)
        box = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1).astype(np.float32)
        score = rng.integers(1, levels + 1, 1) / levels if levels else rng.random(1)
        instances = dict(
            keypoints=points.astype(dtype),
            keypoint_scores=rng.random(points.shape[:2]).astype(np.float32) * (len(found) != 5),
            bbox_scores=score.astype(np.float32),
        )
        if boxes:
            instances["bboxes"] = box
        gt = dict(bbox_scores=np.ones(1), bbox_scales=box[:, 2:] - box[:, :2])
        category = np.array(annotation["category_id"])  # an array without axes, as MMPose's data sets have it
        ids = dict(id=len(found), img_id=annotation["image_id"], category_id=category)
        found.append(dict(**ids, pred_instances=instances, gt_instances=gt))
    return found


def build(kind: str, truth: Path, found: list[dict], **options: Any) -> Any:
    """A metric that has seen the detections."""
    metric = METRICS.build(dict(type=kind, ann_file=str(truth), **options))
    metric.dataset_meta = dict(KEYPOINTS[found[0]["pred_instances"]["keypoints"].shape[1]])
    metric.process([], found)
    return metric


OPTIONS: list[dict[str, Any]] = [
    {},
    dict(use_area=False),
    dict(nms_mode="soft_oks_nms"),
    dict(nms_mode="none"),
    dict(score_mode="bbox"),
    dict(score_mode="bbox_rle"),
    dict(iou_type="keypoints_crowd", use_area=False),
    dict(nms_thr=0.1),
]
DATA: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "ties": ({}, dict(levels=3)),
    "all scores equal": ({}, dict(levels=1)),
    "more than 20 in an image": ({}, dict(copies=12)),
    "14 keypoints": (dict(keypoints=14), {}),
    "no boxes": ({}, dict(boxes=False)),
    "three categories, numbered from 0": (dict(categories=3, first=0), {}),
    "double precision": ({}, dict(dtype=np.float64)),
}


@library
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_same_numbers_and_the_same_file(library: str, options: dict, tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "truth.json")
    scores, files = [], []
    for kind in ("CocoMetric", "FastCocoMetric"):
        prefix = tmp_path / kind
        metric = build(kind, truth, samples(truth), outfile_prefix=str(prefix), **options)
        scores.append(metric.compute_metrics(metric.results))
        files.append(Path(f"{prefix}.keypoints.json").read_text())
    assert scores[0] == scores[1] and 0 < scores[0]["AP"] < 1
    assert files[0] == files[1] and len(json.loads(files[0])) > 10


@library
@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("nms_mode", ["oks_nms", "none"])
def test_the_same_numbers_on_other_data(library: str, name: str, nms_mode: str, tmp_path: Path) -> None:
    of_truth, of_samples = DATA[name]
    truth = write_truth(tmp_path / "truth.json", **of_truth)
    scores = []
    for kind in ("CocoMetric", "FastCocoMetric"):
        metric = build(kind, truth, samples(truth, **of_samples), nms_mode=nms_mode, score_mode="bbox")
        scores.append(metric.compute_metrics(metric.results))
    assert scores[0] == scores[1] and 0 < scores[0]["AP"] < 1
    assert list(tmp_path.iterdir()) == [truth], "no file unless asked for"


@library
@pytest.mark.parametrize("use_area", [True, False])
def test_the_same_numbers_on_real_annotations(library: str, use_area: bool, data: Path) -> None:
    """Annotations of COCO, among them crowds with other masks."""
    truth = data / "coco_sample/annotations/person_keypoints_val2017.json"
    metrics = [build(kind, truth, samples(truth), use_area=use_area) for kind in ("CocoMetric", "FastCocoMetric")]
    stock, fast = (metric.compute_metrics(metric.results) for metric in metrics)
    assert stock == fast and 0 < stock["AP"] < 1


@library
def test_a_call_changes_nothing(library: str, tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "truth.json")
    metric = build("FastCocoMetric", truth, samples(truth))
    before = dict(vars(metric))
    first = metric.compute_metrics(metric.results)
    assert vars(metric) == before and all(value is before[name] for name, value in vars(metric).items())
    assert metric.compute_metrics(metric.results) == first


@library
def test_only_the_file(library: str, tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "truth.json")
    metric = build("FastCocoMetric", truth, samples(truth), format_only=True, outfile_prefix=str(tmp_path / "a"))
    assert metric.compute_metrics(metric.results) == {}
    assert len(json.loads((tmp_path / "a.keypoints.json").read_text())) > 10


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hotcoco", None)
    messages: list[str] = []
    logger = MMLogger.get_current_instance()
    monkeypatch.setattr(logger, "log", lambda level, message, **kwargs: messages.append(message))
    truth = write_truth(tmp_path / "truth.json")
    metric = build("FastCocoMetric", truth, samples(truth))
    metric.compute_metrics(metric.results)
    assert any('pip install "mmpose-ext[fast]"' in message for message in messages)


@needs_hotcoco
def test_detections_of_another_data_set(tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "truth.json")
    found = samples(truth)
    found[3]["img_id"] = 999
    metric = build("FastCocoMetric", truth, found)
    with pytest.raises(ValueError, match=r"images in the annotation file, got some of \[999\]"):
        metric.compute_metrics(metric.results)


@needs_hotcoco
def test_a_person_that_is_not_a_number_matches_nobody(tmp_path: Path) -> None:
    """The deviation: xtcocotools counts such a person as found."""
    truth = write_truth(tmp_path / "truth.json")
    found = samples(truth)
    for sample in found:
        sample["pred_instances"]["keypoints"][:] = np.nan
    scores = {}
    for kind in ("CocoMetric", "FastCocoMetric"):
        metric = build(kind, truth, found, nms_mode="none")
        scores[kind] = metric.compute_metrics(metric.results)["AP"]
    assert scores["FastCocoMetric"] == 0 < scores["CocoMetric"]
