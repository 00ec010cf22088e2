"""PCK of the torso: figures worked out by hand, the real annotations, and what a data set has to name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from mmpose.registry import METRICS

from mmpose_ext.evaluation.torso_pck import PARTS, area_under_curve

NAMES = [name for pair in PARTS.values() for name in pair]
INDEX = {name: i for i, name in enumerate(NAMES)}


def person(**labels: int) -> dict[str, np.ndarray]:
    """A person whose torso is 50 px long, a triangle of 30 and 40; all keypoints labeled but those given."""
    points = np.arange(28, dtype=float).reshape(1, 14, 2)
    points[0, INDEX["left_shoulder"]], points[0, INDEX["right_hip"]] = (130, 20), (100, 60)
    visible = np.array([[labels.get(name, 1.0) for name in NAMES]], dtype=float)
    return dict(keypoints=points, keypoints_visible=visible)


def score(pairs: list[tuple[dict, np.ndarray]], names: list[str] = NAMES, **config: object) -> dict[str, float]:
    metric = METRICS.build(dict(type="TorsoPCK", **config))
    metric.dataset_meta = dict(keypoint_name2id={name: i for i, name in enumerate(names)})
    for truth, predicted in pairs:
        metric.process([], [dict(gt_instances=truth, pred_instances=dict(keypoints=predicted))])
    return metric.evaluate(len(pairs))


def moved(truth: dict, **shifts: tuple[float, float]) -> np.ndarray:
    predicted = truth["keypoints"].copy()
    for name, shift in shifts.items():
        predicted[0, INDEX[name]] += shift
    return predicted


def test_by_hand(tmp_path: Path) -> None:
    """0.2 of a torso of 50 px is 10 px: 6 and 8 across is right, 6 and 8.1 is wrong; hidden keypoints count."""
    first, second = person(left_wrist=0.5), person()
    pairs = [
        (first, moved(first, head_top=(6, 8), neck=(6, 8.1), left_wrist=(0, 30))),
        (second, moved(second, right_knee=(0, np.nan), left_ankle=(2.5, 0))),
    ]
    scores = score(pairs, outfile_prefix=str(tmp_path / "curve"))
    expected = dict(head=75, shoulder=100, elbow=100, wrist=75, hip=100, knee=75, ankle=100)
    assert {name: scores[f"torso/{name}"] for name in expected} == expected
    assert scores["torso/PCK@0.2"] == pytest.approx((4 * 100 + 3 * 75) / 7)
    assert (scores["torso/persons"], scores["torso/without_torso"]) == (2, 0)
    written = json.loads((tmp_path / "curve.torso_pck.json").read_text())
    assert written["thresholds"] == pytest.approx([0.01 * step for step in range(21)])
    assert written["curves"]["ankle"] == [75] * 5 + [100] * 16  # 2.5 px are 0.05 of the torso, the sixth threshold
    assert written["curves"]["head"] == [50] * 20 + [75]
    # Trapezoids, in twentieths of the width: ankle 4.5 at 75 and 15.5 at 100, head 19.5 at 50 and 0.5 at 75.
    ankle, head = (4.5 * 75 + 15.5 * 100) / 20, (19.5 * 50 + 0.5 * 75) / 20
    assert scores["torso/AUC"] == pytest.approx((head + 2 * 75 + ankle + 3 * 100) / 7)


def test_area_of_a_ramp() -> None:
    assert area_under_curve(np.linspace(0, 100, 21)) == pytest.approx(50)


def test_a_person_without_a_torso_is_left_out_and_counted() -> None:
    """LSPET has persons without one; their other keypoints do not count either."""
    whole, without, pointlike = person(), person(right_hip=0), person()
    pointlike["keypoints"][0, INDEX["right_hip"]] = pointlike["keypoints"][0, INDEX["left_shoulder"]]
    pairs = [(one, one["keypoints"] + (0 if one is whole else 1000)) for one in (whole, without, pointlike)]
    scores = score(pairs)
    assert scores["torso/PCK@0.2"] == 100
    assert (scores["torso/persons"], scores["torso/without_torso"]) == (1, 2)
    with pytest.raises(ValueError, match="left_shoulder and right_hip labeled, got none among 2"):
        score(pairs[1:])


def test_unlabeled_keypoints_do_not_count() -> None:
    truth = person(left_knee=0)
    other = person(right_elbow=0)
    scores = score([(truth, moved(truth, left_knee=(500, 0))), (other, moved(other, left_elbow=(500, 0)))])
    assert scores["torso/knee"] == 100
    assert scores["torso/elbow"] == (50 + 100) / 2
    nobody = score([(truth, truth["keypoints"])])
    assert "torso/knee" not in nobody and nobody["torso/PCK@0.2"] == 100


def test_keypoints_are_found_by_name() -> None:
    """Another order, with keypoints of other names between, gives the same; MPII lacks a neck."""
    truth = person()
    predicted = moved(truth, head_top=(30, 0), left_hip=(0, 12))
    order = np.random.default_rng(0).permutation(16)
    names = [[*NAMES, "pelvis", "thorax"][i] for i in order]

    def shuffled(points: np.ndarray) -> np.ndarray:
        extra = np.full((1, 2, *points.shape[2:]), 7.0)
        return np.concatenate([points, extra], axis=1)[:, order]

    twin = {name: shuffled(value) for name, value in truth.items()}
    assert score([(twin, shuffled(predicted))], names) == score([(truth, predicted)])
    with pytest.raises(ValueError, match="expected a data set with neck, got"):
        score([(truth, predicted)], ["upper_neck" if name == "neck" else name for name in NAMES])


def test_errors() -> None:
    truth = person()
    with pytest.raises(ValueError, match="positive threshold, got 0"):
        METRICS.build(dict(type="TorsoPCK", threshold=0))
    with pytest.raises(ValueError, match=r"expected predictions of shape \(1, 14, 2\), got \(1, 17, 2\)"):
        score([(truth, np.zeros((1, 17, 2)))])


def test_scale_of_real_annotations(data: Path) -> None:
    """The torso is a third of the longer side of a person in LSP, so 0.2 of the box is three times looser."""
    content = json.loads((data / "lsp/annotations/lsp_test.json").read_text())
    category = content["categories"][0]["keypoints"]
    points = np.array([one["keypoints"] for one in content["annotations"]]).reshape(-1, 14, 3)
    extent = np.ptp(points[..., :2], axis=1).max(axis=-1)
    truths = [dict(keypoints=one[None, :, :2], keypoints_visible=one[None, :, 2]) for one in points]
    shifts = [np.array([0.1 * size, 0]) for size in extent]
    scores = score([(one, one["keypoints"] + shift) for one, shift in zip(truths, shifts, strict=True)], category)
    torso = np.linalg.norm(points[:, 9, :2] - points[:, 2, :2], axis=-1)
    assert np.median(torso / extent) == pytest.approx(0.36, abs=0.01)
    assert scores["torso/PCK@0.2"] == pytest.approx(100 * np.mean(0.1 * extent <= 0.2 * torso))
    assert scores["torso/persons"] == 1000
    assert (points[..., 2] == 1).any(), "hidden keypoints are among those counted"
