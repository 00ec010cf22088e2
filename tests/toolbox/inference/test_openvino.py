"""A file for OpenVINO computes what PyTorch computes, or does not appear; a bad one is named."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmpose_ext.toolbox.cli import main
from mmpose_ext.toolbox.export import openvino_file
from mmpose_ext.toolbox.export.onnx_file import compare_outputs, export_onnx
from mmpose_ext.toolbox.export.options import check_path
from mmpose_ext.toolbox.export.two_stages import TwoStages
from mmpose_ext.toolbox.inference import OnnxEstimator
from mmpose_ext.toolbox.inference.onnx_runtime import onnx_session
from mmpose_ext.toolbox.inference.openvino_runtime import OpenVINOSession

pytest.importorskip("onnxruntime")


def export(tiny, path: Path, *words: object) -> int:
    return main(["export", str(tiny.config), str(tiny.checkpoint), str(path), *map(str, words)])


@pytest.fixture(scope="module")
def exported(tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("openvino", reason="the extra openvino is not installed")
    path = tmp_path_factory.mktemp("openvino") / "tiny.xml"
    assert export(tiny, path) == 0
    return path


def test_without_openvino(tiny, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert export(tiny, tmp_path / "x.xml") == 2
    assert "pip install openvino" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "form"), [("a.xml", "int8"), ("a.onnx", "bfloat16"), ("a.pt", "float32")])
def test_forms_of_other_runtimes(name: str, form: str) -> None:
    with pytest.raises(ValueError, match="expected a name that ends in"):
        check_path(Path(name), form)
    check_path(Path("a.xml"), "bfloat16")


def test_infer_runs_it(tiny, exported: Path, tmp_path: Path, capsys) -> None:
    assert sorted(path.name for path in exported.parent.iterdir()) == ["tiny.bin", "tiny.xml"]
    assert export(tiny, tmp_path / "tiny.onnx") == 0
    images = np.random.default_rng(0).standard_normal((3, 3, 64, 64), dtype=np.float32)
    expected, got = (OnnxEstimator(path).run(images)[0] for path in (tmp_path / "tiny.onnx", exported))
    np.testing.assert_allclose(got, expected, atol=1e-4 * np.abs(expected).max())
    words = ["infer", str(tiny.pictures[0]), "--model", str(exported), "--out", str(tmp_path)]
    assert main(words) == 0 and (tmp_path / "predictions.json").is_file()
    assert main([*words, "--device", "cuda"]) == 2
    assert f"expected the device cpu for {exported}" in capsys.readouterr().err


def test_bfloat16(tiny, exported: Path, tmp_path: Path, capsys) -> None:
    """The change in PCK is printed, and the file says itself what it is to be run with."""
    assert export(tiny, tmp_path / "x.xml", "--bf16", "--images", tiny.config.parent, "--limit", 2) == 0
    printed = capsys.readouterr().out
    assert "OpenVINO, bfloat16" in printed and "PCK against PyTorch's keypoints, 2 persons" in printed
    images = {"images": np.random.default_rng(0).standard_normal((1, 3, 64, 64), dtype=np.float32)}
    (exact,), (rounded,) = (onnx_session(path, threads=1).run(None, images) for path in (exported, tmp_path / "x.xml"))
    assert 1e-5 < np.abs(rounded - exact).max() / np.abs(exact).max() < openvino_file.BRAIN_TOLERANCE


def test_other_outputs_leave_the_older_file(tiny, exported: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    for name in ("x.xml", "x.bin"):
        (tmp_path / name).write_text("older")
    write = openvino_file.write_openvino

    def spoil(onnx: Path, path: Path, about, *, form: str) -> None:
        write(onnx, path, about, form=form)
        weights = np.fromfile(path.with_suffix(".bin"), np.float32)
        np.where(np.abs(weights) > 1e-6, -weights, weights).tofile(path.with_suffix(".bin"))  # no whole numbers

    monkeypatch.setattr(openvino_file, "write_openvino", spoil)
    assert export(tiny, tmp_path / "x.xml") == 2
    assert "expected the outputs of PyTorch" in capsys.readouterr().err
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"x.xml": "older", "x.bin": "older"}


@pytest.mark.parametrize("damage", ["no weights", "short weights", "no graph", "half a graph", "other numbers"])
def test_a_bad_file_is_named(exported: Path, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "bad.xml"
    text, weights = exported.read_bytes(), exported.with_suffix(".bin").read_bytes()
    text = {
        "no graph": b"",
        "half a graph": text[: len(text) // 2],
        "other numbers": text.replace(b'="0"', b'="-7"'),
    }.get(damage, text)
    path.write_bytes(text)
    if damage != "no weights":
        path.with_suffix(".bin").write_bytes(weights[:40] if damage == "short weights" else weights)
    with pytest.raises(ValueError, match=f"expected an OpenVINO file, .*{path.stem}"):
        onnx_session(path, threads=1)


class _First(nn.Module):
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return images.mean((2, 3)), images.mean((1, 2, 3)), images.relu()


class _Second(nn.Module):
    def forward(self, maps: Tensor) -> Tensor:
        return maps.amax((2, 3))


def test_early_exit(tmp_path: Path) -> None:
    """With none, one and all of the images refined."""
    pytest.importorskip("openvino", reason="the extra openvino is not installed")
    images = torch.randn(4, 3, 8, 6, generator=torch.Generator().manual_seed(4))  # as `compare_outputs` makes them
    scores = images.mean((1, 2, 3)).sort().values
    for threshold in (float(scores[0]) - 1, float(scores[:2].mean()), float(scores[3]) + 1):
        network = TwoStages(_First(), _Second(), nn.Identity(), threshold=threshold).eval()
        export_onnx(network, tmp_path / "x.onnx", shape=(8, 6), exporter="torchscript")
        openvino_file.write_openvino(tmp_path / "x.onnx", tmp_path / "x.xml", None, form="float32")
        assert compare_outputs(network, tmp_path / "x.xml", shape=(8, 6)) < 1e-5


def test_a_fixed_batch(exported: Path) -> None:
    assert OpenVINOSession(exported, threads=1).get_inputs()[0].shape[1:] == [3, 64, 64]
    assert OpenVINOSession(exported, threads=1, batch=2).get_inputs()[0].shape == [2, 3, 64, 64]
