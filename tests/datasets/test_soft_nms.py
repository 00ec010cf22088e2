"""Soft-NMS on detected boxes, alone and in the data set."""

from __future__ import annotations

import json

import numpy as np
import pytest
from mmpose.registry import DATASETS

from mmpose_ext.datasets.soft_nms import soft_nms

BOXES = np.array([[0, 0, 10, 20], [0, 0, 10, 18], [2, 0, 12, 20], [50, 50, 60, 60]], dtype=np.float32)
SCORES = np.array([0.8, 0.9, 0.7, 0.6], dtype=np.float32)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def naive(method: str) -> list[tuple[int, float]]:
    """The loop of the paper: take the best, lower all others, again."""
    left = {i: float(score) for i, score in enumerate(SCORES)}
    kept = []
    while left:
        best = max(left, key=left.__getitem__)
        kept.append((best, left.pop(best)))
        for i in left:
            iou = overlap(BOXES[best], BOXES[i])
            left[i] *= np.exp(-(iou**2) / 0.5) if method == "gaussian" else (1 - iou if iou > 0.3 else 1)
    return kept


@pytest.mark.parametrize("method", ["gaussian", "linear"])
def test_is_the_loop(method) -> None:
    indices, scores = soft_nms(BOXES, SCORES, method=method, min_score=0.0)
    wanted = naive(method)
    assert indices.tolist() == [index for index, _ in wanted]
    assert scores.tolist() == pytest.approx([score for _, score in wanted], rel=1e-5)
    assert indices[1] == 3, "the box that stands alone keeps its score"
    assert SCORES[0] == np.float32(0.8), "the input stays as it is"


def test_low_scores_are_left_out() -> None:
    assert soft_nms(BOXES, SCORES, min_score=0.5)[0].tolist() == [1, 3]
    assert soft_nms(BOXES[:0], SCORES[:0])[0].size == 0


@pytest.fixture
def files(tmp_path):
    images = [dict(id=i, file_name=f"{i}.jpg", width=100, height=100) for i in (1, 2)]
    (tmp_path / "people.json").write_text(
        json.dumps(dict(images=images, annotations=[], categories=[dict(id=1, name="person")]))
    )
    found = [
        dict(image_id=image, category_id=1, score=float(score), bbox=[*box[:2], *(box[2:] - box[:2])])
        for image in (1, 2)
        for box, score in zip(BOXES, SCORES, strict=True)
    ]
    (tmp_path / "boxes.json").write_text(json.dumps([{**box, "bbox": list(map(float, box["bbox"]))} for box in found]))
    return dict(
        type="SoftNMSCocoDataset",
        data_root=str(tmp_path),
        ann_file="people.json",
        bbox_file=str(tmp_path / "boxes.json"),
        test_mode=True,
        pipeline=[],
    )


def test_in_the_data_set(files) -> None:
    """Each image by itself; what is left has numbers without a gap."""
    plain = DATASETS.build(files)
    assert len(plain) == 8
    soft = DATASETS.build({**files, "soft_nms": dict(min_score=0.2)})
    people = [soft.get_data_info(i) for i in range(len(soft))]
    indices, scores = soft_nms(BOXES, SCORES, min_score=0.2)
    assert [person["img_id"] for person in people] == [1] * len(indices) + [2] * len(indices)
    assert [person["id"] for person in people] == list(range(len(people)))
    np.testing.assert_allclose([person["bbox_score"][0] for person in people], [*scores, *scores], rtol=1e-6)
    np.testing.assert_allclose(np.concatenate([person["bbox"] for person in people]), np.tile(BOXES[indices], (2, 1)))


@pytest.mark.parametrize("bad", [dict(method="hard"), dict(sigmas=1), dict(sigma=0), dict(iou_threshold=2)])
def test_bad_settings(files, bad) -> None:
    with pytest.raises(ValueError, match="expected"):
        DATASETS.build({**files, "soft_nms": bad})
