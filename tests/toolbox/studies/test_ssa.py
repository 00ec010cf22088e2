"""The study of sharp attention on tiny networks: all runs once, effects worked out by hand, a stopped study goes on."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from mmpose_ext.toolbox.cli import main
from mmpose_ext.toolbox.studies import ssa
from mmpose_ext.toolbox.studies.crops import load_crops, pck
from mmpose_ext.toolbox.studies.ssa import FACTORS, Network, Setting, evaluate, train
from tests.tiny import write_config

SCANET = """
model = dict(
    type="TopdownPoseEstimator",
    data_preprocessor=dict(type="PoseDataPreprocessor", mean=[127.0] * 3, std=[64.0] * 3, bgr_to_rgb=True),
    backbone=dict(type="BDMPSCANet", num_stacks=2, num_keypoints=17, reduced_channels=8),
    head=dict(type="CPMHead", in_channels=17, out_channels=17, num_stages=2, final_layer=None, decoder=codec,
              loss=dict(type="KeypointMSELoss", use_target_weight=True)))
"""
TINY = Network(channels=8, size=32, steps=3, batch=2, persons=8)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_config(tmp_path_factory.mktemp("ssa"), SCANET)


def test_crops(config: Path) -> None:
    """True heatmaps are right within half a pixel of theirs; the mean heatmap is the best constant."""
    crops = load_crops(Config.fromfile(config), "train", size=64, persons=5)
    assert crops.images.shape == (5, 3, 64, 64) and crops.heatmaps.shape == (5, 17, 16, 16)
    assert 1 < float(crops.images.max()) <= 2 and crops.labeled.all() and crops.torso == (5, 12)
    assert pck(crops.heatmaps, crops) > 90 > pck(crops.heatmaps.flip(-1), crops)
    mean = crops.mean_heatmap
    errors = [((mean * factor - crops.heatmaps) ** 2).sum() for factor in (0.9, 1.0, 1.1)]
    assert min(errors) == errors[1]
    with pytest.raises(ValueError, match="expected a config with a other_dataloader"):
        load_crops(Config.fromfile(config), "other", size=64, persons=1)


def test_a_run_depends_on_its_setting_only(config: Path) -> None:
    settings = Config.fromfile(config)
    crops = load_crops(settings, "train", size=32, persons=8)
    found = {}
    for run in (Setting(True, True, True, 1e-3, 0), Setting(False, True, False, 1e-3, 0)):
        for _ in range(2):
            model, losses = train(run, settings, crops, TINY)
            scores = evaluate(model, settings, crops, crops, noise=run.noise)
            assert found.setdefault(run, {**losses, **scores}) == {**losses, **scores}
    noisy, plain = found.values()
    assert set(plain) == {"train_loss", "peak_loss", "loss_none", "pck_none", "mask_none"}
    assert noisy["mask_mean"] == pytest.approx(noisy["mask_sampled"], abs=0.05)
    assert len({noisy[f"loss_{mode}"] for mode in ssa.MODES}) == 3
    attention = [module for module in model.modules() if isinstance(module, ssa.SharperSpatialAttention)]
    assert [module.noise for module in attention] == ["never"]


def test_a_diverged_run_is_null(config: Path) -> None:
    settings = Config.fromfile(config)
    crops = load_crops(settings, "train", size=32, persons=8)
    model, losses = train(Setting(False, False, False, 1e30, 0), settings, crops, TINY)
    assert losses["train_loss"] is None and evaluate(model, settings, crops, crops, noise=False)["loss_none"] is None


def test_effects_by_hand() -> None:
    """PCK = 10 noise + 3 channel attention (6 with seed 1) + seed; the loss is 1 in bfloat16, and missing in a run."""
    rows = [
        dict(
            zip(FACTORS, factors, strict=True),
            rate=1e-3,
            seed=seed,
            train_loss=None if seed and not any(factors) else float(factors[2]),
            fit_pck_none=10.0 * factors[0] + 3 * factors[1] * (1 + seed) + seed,
        )
        for factors in itertools.product((False, True), repeat=3)
        for seed in (0, 1)
    ]
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in ssa._effects(rows).splitlines()]
    effects = {line[0]: line[1:] for line in lines}
    assert [line[1] for line in effects.values()][2:] == ["10 ± 0", "4.5 ± 2.1", "0 ± 0"]  # 4.5 of 3 and 6
    assert effects["bfloat16"][0] == "1 ± 0"
    assert "0 (1 diverged)" in ssa._by_setting(rows)


def test_the_command_goes_on_where_it_was(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["study-ssa", str(config), "--seeds", "7", "--rates", "0.001", "--out", str(tmp_path)]
    words += [word for name, value in TINY._asdict().items() for word in (f"--{name}", str(value))]
    assert main(words) == 0
    printed = capsys.readouterr().out
    runs = sorted((tmp_path / "runs").iterdir())
    assert len(runs) == 8 and "effect of" in printed
    rows = list(csv.DictReader((tmp_path / "study-ssa.csv").open()))
    content = json.loads((tmp_path / "study-ssa.json").read_text())
    assert len(rows) == len(content["rows"]) == 8 and content["steps"] == 3
    assert {tuple(row[name] for name in FACTORS) for row in rows} == set(itertools.product(("False", "True"), repeat=3))
    times = {path: path.stat().st_mtime_ns for path in runs}
    runs[3].unlink()
    assert main(words) == 0 and capsys.readouterr().out == printed
    assert [path for path in runs if path.stat().st_mtime_ns != times[path]] == [runs[3]]
    assert main([*words, "--steps", "4"]) == 2
    assert "choose another folder" in capsys.readouterr().err
    assert np.isfinite([float(row["train_loss"]) for row in rows]).all()
