"""The figure of the literature on LSP, from files that TorsoPCK writes."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from mmpose_ext.evaluation import TorsoPCK
from mmpose_ext.evaluation.torso_pck import PARTS
from mmpose_ext.toolbox.studies import pck_curve
from mmpose_ext.toolbox.studies.pck_curve import plot_pck, read_pck


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Figures in place of files."""
    figures: list[Figure] = []
    monkeypatch.setattr(pck_curve, "save", lambda figure, path: figures.append(figure))
    return figures


def test_what_the_metric_writes(tmp_path: Path, drawn: list[Figure]) -> None:
    """Keypoints of one person a tenth and two tenths of the torso off: the curve rises there."""
    names = dict.fromkeys(name for part in PARTS.values() for name in part)
    metric = TorsoPCK(outfile_prefix=str(tmp_path / "lsp"))
    metric.dataset_meta = {"keypoint_name2id": {name: i for i, name in enumerate(names)}}
    metric.compute_metrics([np.where(np.arange(len(names)) % 2, 0.1, 0.2)])
    test = read_pck(tmp_path / "lsp.torso_pck.json")
    assert list(test.curves) == ["mean", *PARTS]
    plot_pck({"lsp": test}, tmp_path / "a.png")
    axis = drawn[0].axes[0]
    assert axis.get_title() == "lsp"
    assert [text.get_text() for text in axis.get_legend().get_texts()][:2] == ["100.0  mean", "100.0  head"]
    x, y = axis.get_lines()[0].get_data()
    assert dict(zip(np.round(x, 2), y, strict=True)) == pytest.approx(
        {**dict.fromkeys(np.arange(21).round(0) / 100, 0), **{i / 100: 50 for i in range(10, 20)}, 0.2: 100}
    )
    plt.close(drawn[0])


def test_several_are_compared_by_their_means(tmp_path: Path, drawn: list[Figure]) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"thresholds": [0, 0.2], "curves": {"mean": [0, 60], "head": [0, 80]}}))
    plot_pck({"$x_": read_pck(path), "b": read_pck(path)}, tmp_path / "a.png")
    assert [line.get_label() for line in drawn[0].axes[0].get_lines()] == ["60.0  $x_", "60.0  b"]
    drawn[0].savefig(tmp_path / "drawn.png")  # a label that is no formula
    plt.close(drawn[0])


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "{}",
        '{"thresholds": [0, 1], "curves": {"mean": [0]}}',
        '{"thresholds": [0, 1], "curves": {"head": [0, 1]}}',
        '{"thresholds": [0, NaN], "curves": {"mean": [0, 1]}}',
        '{"thresholds": [0, 1], "curves": {"mean": [0, 1e400]}}',
        '{"thresholds": [0, 1], "curves": {"mean": [0, 1], "head": "01"}}',
    ],
)
def test_other_files_are_named(content: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"expected .*a\.json"):
        read_pck(path)


def test_nothing_to_draw(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="got none"):
        plot_pck({}, tmp_path / "a.png")
