"""The evaluation that SFM's configs use, on LSPET in MPII's format: the truth, and agreement with the stock metric."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmpose.registry import DATASETS

CONFIG = Path(__file__).resolve().parents[3] / "configs/body_2d_keypoint/sfm/td-hm_sfm_1xb8-2e_lspetmpii-128x128.py"


@pytest.fixture
def config(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    (tmp_path / "lspet").symlink_to(data / "lspet")
    monkeypatch.setenv("MMPOSE_EXT_DATA", str(tmp_path))
    return Config.fromfile(CONFIG)


def scores(config: Config, kind: str, spread: float) -> dict[str, float]:
    """Scores of the true places in the image, plus noise of ``spread`` pixels; ``kind`` is the data set's class."""
    dataset = DATASETS.build(dict(config.val_dataloader.dataset, type=kind))
    origin = 1 if kind == "MpiiDataset" else 0
    evaluator = Evaluator(config.val_evaluator)
    evaluator.dataset_meta = dataset.metainfo
    rng = np.random.default_rng(0)
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        predicted = info["keypoints"] - origin + rng.normal(0, spread, info["keypoints"].shape)
        truth = {name: info[name] for name in ("keypoints", "keypoints_visible", "head_size")}
        evaluator.process([dict(gt_instances=truth, pred_instances=dict(keypoints=predicted))])
    return evaluator.evaluate(len(dataset))


def test_truth_scores_100_and_stock_is_printed_beside(config: Config) -> None:
    result = scores(config, "ZeroBasedMpiiDataset", 0.0)
    assert list(result)[0] == "mpii/PCKh@0.5"  # what `save_best='auto'` takes
    assert result["mpii/PCKh@0.5"] == result["mpii/PCKh@0.1"] == result["stock/PCK"] == 100
    assert result["stock/PCK@0.1"] == pytest.approx(94.3, abs=0.05)


@pytest.mark.parametrize("spread", [0.0, 4.0, 12.0])
def test_agrees_with_the_stock_metric_in_its_own_frame(config: Config, spread: float) -> None:
    """Ours on joints that count from 0; stock as stock has it, on joints that count from 1."""
    ours = scores(config, "ZeroBasedMpiiDataset", spread)
    stock = scores(config, "MpiiDataset", spread)
    assert abs(ours["mpii/PCKh@0.5"] - stock["stock/PCK"]) < 0.1
    assert abs(ours["mpii/PCKh@0.1"] - stock["stock/PCK@0.1"]) < 0.1
    assert 20 < ours["mpii/PCKh@0.5"] <= 100
