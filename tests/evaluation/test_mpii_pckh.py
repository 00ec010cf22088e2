"""PCKh: against a naive loop, against the stock metric, and the ground truth scores 100."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmpose.registry import DATASETS, METRICS

NUM_PERSONS, NUM_JOINTS = 40, 16


def persons(rng: np.random.Generator) -> list[dict[str, np.ndarray]]:
    return [
        dict(
            keypoints=rng.uniform(0, 200, (1, NUM_JOINTS, 2)),
            keypoints_visible=(rng.random((1, NUM_JOINTS)) < 0.8).astype(float),
            head_size=rng.uniform(10, 40, (1, 1)),
        )
        for _ in range(NUM_PERSONS)
    ]


def score(kind: str, truths: list[dict], predictions: list[np.ndarray], **config: object) -> dict[str, float]:
    metric = METRICS.build(dict(type=kind, **config))
    for truth, predicted in zip(truths, predictions, strict=True):
        metric.process([], [dict(gt_instances=truth, pred_instances=dict(keypoints=predicted))])
    return metric.evaluate(len(truths))


def test_naive_loop() -> None:
    rng = np.random.default_rng(0)
    truths = persons(rng)
    predictions = [truth["keypoints"] + rng.normal(0, 6, (1, NUM_JOINTS, 2)) for truth in truths]
    result = score("MpiiPCKh", truths, predictions, thresholds=(0.5, 0.3, 0.1))
    for threshold in (0.5, 0.3, 0.1):
        right = counted = 0
        for truth, predicted in zip(truths, predictions, strict=True):
            for joint in range(NUM_JOINTS):
                if joint in (6, 7) or not truth["keypoints_visible"][0, joint]:
                    continue
                dx, dy = predicted[0, joint] - truth["keypoints"][0, joint]
                counted += 1
                right += (dx**2 + dy**2) ** 0.5 / truth["head_size"][0, 0] < threshold
        assert result[f"mpii/PCKh@{threshold}"] == pytest.approx(100 * right / counted)


def test_equals_the_stock_metric_in_image_pixels() -> None:
    """Stock: joints count from 1 and 1 is added to the predictions. Ours: both count from 0."""
    rng = np.random.default_rng(1)
    truths = persons(rng)
    predictions = [truth["keypoints"] + rng.normal(0, 6, (1, NUM_JOINTS, 2)) for truth in truths]
    ours = score("MpiiPCKh", truths, predictions)
    from_one = [dict(truth, keypoints=truth["keypoints"] + 1) for truth in truths]
    stock = score("MpiiPCKAccuracy", from_one, predictions)
    assert ours["mpii/PCKh@0.5"] == pytest.approx(stock["PCK"])
    assert ours["mpii/PCKh@0.1"] == pytest.approx(stock["PCK@0.1"], abs=1e-4)
    for name in ("Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle"):
        assert ours[f"mpii/{name}"] == pytest.approx(stock[f"{name} PCK"])


def test_unlabeled_group_is_left_out() -> None:
    truths = persons(np.random.default_rng(2))
    for truth in truths:
        truth["keypoints_visible"][0, 10] = 0
    result = score("MpiiPCKh", truths, [truth["keypoints"] for truth in truths])
    assert "mpii/Wrist" not in result
    assert result["mpii/Elbow"] == result["mpii/PCKh@0.1"] == 100


def test_errors() -> None:
    truths = persons(np.random.default_rng(3))[:1]
    with pytest.raises(ValueError, match="positive"):
        METRICS.build(dict(type="MpiiPCKh", thresholds=(0.5, 0)))
    with pytest.raises(ValueError, match="16 joints.*got 17"):
        score("MpiiPCKh", truths, [np.zeros((1, 17, 2))])
    del truths[0]["head_size"]
    with pytest.raises(ValueError, match="headbox_file"):
        score("MpiiPCKh", truths, [np.zeros((1, 16, 2))])


@pytest.mark.parametrize(("folder", "name"), [("lspet", "lspet_mpii"), ("mpii_sample", "mpii")])
def test_truth_of_real_data(data: Path, folder: str, name: str) -> None:
    """The trap: the joints themselves score less than 100 with the stock pair, and 100 with ours."""
    config = dict(
        data_root=str(data / folder),
        ann_file=f"annotations/{name}_val.json",
        headbox_file=str(data / folder / f"annotations/{name}_gt_val.mat"),
        data_prefix=dict(img="images/"),
        test_mode=True,
    )
    stock, ours = (DATASETS.build(dict(type=kind, **config)) for kind in ("MpiiDataset", "ZeroBasedMpiiDataset"))
    truths = {kind: [set_.get_data_info(i) for i in range(len(set_))] for kind, set_ in (("s", stock), ("o", ours))}
    predictions = {kind: [truth["keypoints"] for truth in group] for kind, group in truths.items()}
    for before, after in zip(predictions["s"], predictions["o"], strict=True):
        np.testing.assert_array_equal(before - 1, after)
    for kind in "so":
        result = score("MpiiPCKh", truths[kind], predictions[kind])
        assert result["mpii/PCKh@0.5"] == result["mpii/PCKh@0.1"] == 100
    assert score("MpiiPCKAccuracy", truths["s"], predictions["o"])["PCK@0.1"] == pytest.approx(100)
    if folder == "lspet":
        assert score("MpiiPCKAccuracy", truths["s"], predictions["s"])["PCK@0.1"] == pytest.approx(94.3, abs=0.05)
