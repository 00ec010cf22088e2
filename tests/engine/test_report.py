"""Curves and sheets, and a run that leaves both, also after a resume."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.runner import Runner

from mmpose_ext.engine.hooks import RunReportHook, SingleThreadBlasHook
from mmpose_ext.engine.hooks.single_thread_blas_hook import VARIABLE, blas_threads, limit_blas_threads
from mmpose_ext.engine.report import Curves, Sample, draw_sheet, plot_curves, read_scalars
from tests.tiny import write_config

HOOK = '\ncustom_hooks = [dict(type="RunReportHook", num_samples=3), dict(type="SingleThreadBlasHook")]\n'


def log(folder: Path, name: str, epochs: range, loss: float, *, killed: bool = False) -> None:
    lines = []
    for epoch in epochs:
        lines.append(json.dumps({"loss": loss, "lr": 0.1, "epoch": epoch, "iter": 10 * epoch, "step": 10 * epoch}))
        lines.append(json.dumps({"coco/AP": loss, "coco/AR (M)": 1.0, "data_time": 0.1, "step": epoch}))
    (folder / name / "vis_data").mkdir(parents=True)
    (folder / name / "vis_data/scalars.json").write_text("\n".join(lines) + ('\n{"loss": 0.' if killed else ""))


def test_scalars_of_a_resumed_run_are_joined(tmp_path: Path) -> None:
    log(tmp_path, "20260101_000000", range(1, 5), 0.4, killed=True)
    log(tmp_path, "20260102_000000", range(3, 7), 0.2)
    (tmp_path / "20260103_000000/vis_data").mkdir(parents=True)  # a test run
    (tmp_path / "20260103_000000/vis_data/scalars.json").write_text("")
    curves = read_scalars(tmp_path)
    assert [(entry["epoch"], entry["loss"]) for entry in curves.train] == [
        *((epoch, 0.4) for epoch in (1, 2)),
        *((epoch, 0.2) for epoch in (3, 4, 5, 6)),
    ]
    assert [(entry["step"], entry["coco/AP"]) for entry in curves.val] == [
        *((epoch, 0.4) for epoch in (1, 2)),
        *((epoch, 0.2) for epoch in (3, 4, 5, 6)),
    ]


def test_scalars_of_an_older_run_are_dropped(tmp_path: Path) -> None:
    log(tmp_path, "20260101_000000", range(1, 9), 0.4)
    log(tmp_path, "20260102_000000", range(1, 3), 0.2)
    curves = read_scalars(tmp_path)
    assert [entry["loss"] for entry in curves.train] == [0.2, 0.2]
    assert [entry["step"] for entry in curves.val] == [1, 2]
    plot_curves(curves, tmp_path / "curve.png", title="t", iterations_per_epoch=10)
    assert cv2.imread(str(tmp_path / "curve.png")) is not None


def iterations(folder: Path, name: str, steps: range, loss: float, *, by_epoch: bool = False) -> None:
    """The log of a run that is counted in iterations: training every step, scores every second one."""
    lines = []
    for step in steps:
        lines.append(json.dumps({"loss": loss, "lr": 0.1, "iter": step, "step": step}))
        if step % 20 == 0:
            lines.append(json.dumps({"coco/AP": loss, "time": 0.1, "step": 0 if by_epoch else step}))
    (folder / name / "vis_data").mkdir(parents=True)
    (folder / name / "vis_data/scalars.json").write_text("\n".join(lines))


@pytest.mark.parametrize("by_epoch", [False, True])
def test_scalars_of_a_run_counted_in_iterations(tmp_path: Path, by_epoch: bool) -> None:
    iterations(tmp_path, "20260101_000000", range(10, 60, 10), 0.4, by_epoch=by_epoch)
    iterations(tmp_path, "20260102_000000", range(30, 90, 10), 0.2, by_epoch=by_epoch)
    curves = read_scalars(tmp_path)
    assert curves.unit == "iter"
    assert [(entry["iter"], entry["loss"]) for entry in curves.train] == [
        *((step, 0.4) for step in (10, 20)),
        *((step, 0.2) for step in range(30, 90, 10)),
    ]
    assert [(entry["step"], entry["coco/AP"]) for entry in curves.val] == [(20, 0.4), (40, 0.2), (60, 0.2), (80, 0.2)]


def test_a_run_counted_otherwise_is_another_run(tmp_path: Path) -> None:
    log(tmp_path, "20260101_000000", range(1, 5), 0.4)
    iterations(tmp_path, "20260102_000000", range(30, 60, 10), 0.2)
    curves = read_scalars(tmp_path)
    assert [entry["loss"] for entry in curves.train] == [0.2] * 3
    assert [entry["step"] for entry in curves.val] == [40]


def axes_of(curves: Curves, path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[float], list[float], str]:
    """Where the loss and the scores are drawn, and the label below."""
    drawn: list[Figure] = []

    def save(figure: Figure, path: Path, **_: object) -> None:
        drawn.append(figure)
        path.touch()

    monkeypatch.setattr(Figure, "savefig", save)
    plot_curves(curves, path, title="t", iterations_per_epoch=10)
    upper, lower = drawn[0].axes[:2]
    return list(upper.lines[0].get_xdata()), list(lower.lines[0].get_xdata()), lower.get_xlabel()


def test_curves_are_drawn_over_what_the_run_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log(tmp_path / "epochs", "20260101_000000", range(1, 4), 0.4)
    iterations(tmp_path / "steps", "20260101_000000", range(10, 50, 10), 0.4)
    epochs, steps = (read_scalars(tmp_path / name) for name in ("epochs", "steps"))
    assert axes_of(epochs, tmp_path / "e.png", monkeypatch) == ([1, 2, 3], [1, 2, 3], "epoch")
    assert axes_of(steps, tmp_path / "s.png", monkeypatch) == ([10, 20, 30, 40], [20, 40], "iteration")


def sample(tmp_path: Path, *, labeled: bool = True) -> Sample:
    path = tmp_path / "image.jpg"
    cv2.imwrite(str(path), np.full((60, 80, 3), 90, np.uint8))
    points = np.array([[30.0, 20.0], [50.0, 40.0]])
    return Sample(str(path), np.array([25.0, 15.0, 55.0, 45.0]), points, np.full(2, labeled), points, np.ones(2))


def test_sheet_shows_truth_and_prediction(tmp_path: Path) -> None:
    meta = dict(
        skeleton_links=[(0, 1)], keypoint_colors=np.full((2, 3), 255), skeleton_link_colors=np.full((1, 3), 255)
    )
    with_truth, without = sample(tmp_path), sample(tmp_path, labeled=False)
    sheet = draw_sheet([with_truth] * 3 + [without], meta, tile=(60, 80), columns=3, threshold=0.1)
    assert sheet.shape == (2 * 80, 3 * 2 * 60, 3)
    body = np.s_[20:78]  # below the captions
    white = (sheet > 200).all(axis=-1)
    assert white[body, :60].any() and white[body, 60:120].any()
    assert not white[100:158, :60].any() and white[100:158, 60:120].any()
    assert not sheet[80:, 120:].any()


@pytest.mark.parametrize(("num_batches", "size"), [(1, 64), (5, 32), (40, 8), (3, 1)])
def test_samples_are_spread_over_the_set(num_batches: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sample, "of", classmethod(lambda cls, output: output))
    hook = RunReportHook(num_samples=10)
    for batch in range(num_batches):
        hook._keep(batch, num_batches, [(batch, i) for i in range(size)])
    kept = hook._samples
    assert len(kept) == len(set(kept)) == min(10, num_batches * size)
    assert {batch for batch, _ in kept} >= {0, num_batches - 1} or num_batches > 10


def test_errors() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        RunReportHook(num_samples=0)


def test_one_blas_thread_unless_the_user_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    before = blas_threads()
    if not before:
        pytest.skip("no OpenBLAS found in this process")
    try:
        limit_blas_threads(2)
        monkeypatch.setenv(VARIABLE, "2")
        SingleThreadBlasHook().before_run(None)
        assert max(blas_threads()) == 2
        monkeypatch.delenv(VARIABLE)
        SingleThreadBlasHook().before_run(None)
        assert set(blas_threads()) == {1}
        assert os.environ[VARIABLE] == "1"
    finally:
        limit_blas_threads(max(before))


def test_a_run_leaves_curve_and_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "1")
    config = Config.fromfile(write_config(tmp_path, HOOK))
    config.train_cfg.val_interval = 1
    config.experiment_name = "first"
    Runner.from_cfg(config).train()
    work_dir = tmp_path / "work"
    sheet = cv2.imread(str(work_dir / "predictions.jpg"))
    assert sheet.shape == (240, 4 * 360, 3)
    assert (work_dir / "curve.png").exists()
    config.train_cfg.max_epochs, config.resume, config.experiment_name = 3, True, "second"
    (work_dir / "predictions.jpg").unlink()
    Runner.from_cfg(config).train()
    assert (work_dir / "predictions.jpg").exists()
    curves = read_scalars(work_dir)
    assert [entry["epoch"] for entry in curves.train] == [1, 1, 2, 2, 3, 3]
    assert [entry["step"] for entry in curves.val] == [1, 2, 3]


def test_a_run_counted_in_iterations_leaves_a_curve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "1")
    config = Config.fromfile(write_config(tmp_path, HOOK))
    config.train_cfg = dict(by_epoch=False, max_iters=4, val_interval=2)
    config.log_processor = dict(by_epoch=False)
    config.train_dataloader.sampler = dict(type="InfiniteSampler", shuffle=True)
    config.default_hooks.checkpoint = dict(type="CheckpointHook", by_epoch=False, interval=4)
    Runner.from_cfg(config).train()
    assert cv2.imread(str(tmp_path / "work/curve.png")) is not None
    curves = read_scalars(tmp_path / "work")
    assert [entry["iter"] for entry in curves.train] == [1, 2, 3, 4]
    assert [entry["step"] for entry in curves.val] == [2, 4]
