"""Scores over the training from MMEngine's logs, also of a training that was stopped and resumed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmpose_ext.toolbox.studies.curves import plot_curves, read_scores

STEP = {"lr": 0.1, "loss": 0.5, "acc_pose": 0.3, "time": 1.0, "epoch": 1, "iter": 50, "step": 50}


def write_log(folder: Path, time: str, scores: dict[int, float], metric: str = "mpii/PCKh@0.5") -> Path:
    path = folder / time / "vis_data" / f"{time}.json"
    path.parent.mkdir(parents=True)
    lines = [STEP, *({metric: score, "data_time": 0.1, "time": 0.2, "step": epoch} for epoch, score in scores.items())]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (path.parent / "scalars.json").write_text(path.read_text())
    return path


def test_two_trainings(tmp_path: Path) -> None:
    write_log(tmp_path / "sharp", "20260101_000000", {1: 10.0, 2: 20.0, 3: 21.0})
    write_log(tmp_path / "sharp", "20260102_000000", {3: 30.0, 4: 40.0})  # resumed behind epoch 2
    soft = write_log(tmp_path / "soft", "20260101_000000", {1: 5.0, 4: 15.0}, "other/PCKh@0.5")
    logs = {"sharp": tmp_path / "sharp", "soft": soft}
    curves = plot_curves(logs, metric="PCKh@0.5", name="both", out=tmp_path / "out")
    assert curves.points == {"sharp": [(1, 10), (2, 20), (3, 30), (4, 40)], "soft": [(1, 5), (4, 15)]}
    assert [path.name for path in curves.files] == ["both.png", "both.json"]
    assert json.loads(curves.files[1].read_text())["curves"]["soft"] == [[1, 5.0], [4, 15.0]]
    assert curves.files[0].read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="a score in common"):
        plot_curves(logs, name="both", out=tmp_path)
    with pytest.raises(ValueError, match=r"expected the score AP in .*sharp, got mpii/PCKh@0.5"):
        plot_curves(logs, metric="AP", name="both", out=tmp_path)


def test_what_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a log, or a folder"):
        read_scores(tmp_path)
    training = write_log(tmp_path, "20260101_000000", {})
    with pytest.raises(ValueError, match="scores of a validation"):
        read_scores(training)
    for text in ("no JSON", "[1]", b"\xff\xfe"):
        training.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(ValueError, match="expected a log of MMEngine"):
            read_scores(training)
