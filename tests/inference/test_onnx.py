"""An exported file describes itself, `infer` runs it, and its other forms compute the same, or say what they cost."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from mmpose_ext.analysis import export_forms
from mmpose_ext.cli import main
from mmpose_ext.inference import OnnxEstimator, TorchEstimator
from mmpose_ext.inference.estimators import Crop, describe
from mmpose_ext.inference.parity import compare, load_persons

pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def exported(tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "tiny.onnx"
    assert main(["export", str(tiny.config), str(tiny.checkpoint), str(path), "--exporter", "torchscript"]) == 0
    return path


def export(tiny, path: Path, *words: object) -> int:
    return main(
        ["export", str(tiny.config), str(tiny.checkpoint), str(path), "--exporter", "torchscript", *map(str, words)]
    )


def points(folder: Path) -> np.ndarray:
    content = json.loads((folder / "predictions.json").read_text())
    return np.array([annotation["keypoints"] for annotation in content["annotations"]])


def test_infer_runs_it(tiny, exported: Path, tmp_path: Path) -> None:
    """With boxes, in batches, without the config; the key points are PyTorch's."""
    words = ["infer", *map(str, tiny.pictures[:3]), "--boxes", str(tiny.boxes), "--batch", "2", "--no-pictures"]
    model = ["--model", str(tiny.config), "--checkpoint", str(tiny.checkpoint)]
    assert main([*words, *model, "--out", str(tmp_path / "torch")]) == 0
    assert main([*words, "--model", str(exported), "--out", str(tmp_path / "onnx")]) == 0
    np.testing.assert_allclose(points(tmp_path / "onnx"), points(tmp_path / "torch"), atol=0.02)


def test_a_file_without_a_description(tiny, exported: Path, tmp_path: Path, capsys) -> None:
    model = onnx.load(str(exported))
    del model.metadata_props[:]
    onnx.save(model, str(tmp_path / "bare.onnx"))
    words = ["infer", str(tiny.pictures[0]), "--model", str(tmp_path / "bare.onnx"), "--out", str(tmp_path)]
    assert main(words) == 2
    assert "expected --config CONFIG beside it" in capsys.readouterr().err
    assert main([*words, "--config", str(tiny.config)]) == 0


def test_fixed_batch(tiny, tmp_path: Path) -> None:
    """The last batch is filled up and cut again."""
    assert export(tiny, tmp_path / "b.onnx", "--batch", 2) == 0
    file, crops = OnnxEstimator(tmp_path / "b.onnx"), [p.crop for p in load_persons(tiny.config.parent)][:5]
    assert file.batch == 2
    expected = TorchEstimator(str(tiny.config), str(tiny.checkpoint))(crops)
    for one, other in zip(file(crops), expected, strict=True):
        np.testing.assert_allclose(one.keypoints, other.keypoints, atol=0.02)


def test_simplified(tiny, tmp_path: Path, capsys) -> None:
    path = tmp_path / "simple.onnx"
    words = ["--images", tiny.config.parent, "--annotations", tiny.config.parent / "people.json"]
    assert export(tiny, path, "--simplify", *words) == 0
    printed = capsys.readouterr().out
    assert float(re.findall(r"at most (\S+) pixels", printed)[0]) <= 0.02
    assert "8 persons" in printed and re.search(r"PCK@0.05 against annotations: .*\(\+0.00\)", printed)
    assert OnnxEstimator(path).batch is None


def test_half(tiny, tmp_path: Path, exported: Path) -> None:
    """Half the size, outputs that differ by the precision of a half."""
    path = tmp_path / "half.onnx"
    assert export(tiny, path, "--fp16") == 0
    kinds = {tensor.data_type for tensor in onnx.load(str(path)).graph.initializer}
    assert onnx.TensorProto.FLOAT16 in kinds and path.stat().st_size < 0.8 * exported.stat().st_size
    images = np.random.default_rng(0).standard_normal((3, 3, 64, 64), dtype=np.float32)
    expected, got = (OnnxEstimator(one)._run(images)[0] for one in (exported, path))
    assert got.dtype == np.float32 and 0 < np.abs(got - expected).max() < 0.02 * np.abs(expected).max()


def test_int8(tiny, tmp_path: Path, exported: Path, capsys) -> None:
    path = tmp_path / "int8.onnx"
    assert export(tiny, path, "--int8", "--images", tiny.config.parent) == 0
    assert re.search(r"PCK@0.05 against PyTorch's key points: \d+\.\d\d, PyTorch 100.00", capsys.readouterr().out)
    assert export_forms.node_counts(path)["QuantizeLinear"] > 5
    assert export_forms.node_counts(path)["Conv"] == export_forms.node_counts(exported)["Conv"]


def test_a_wrong_file_fails_and_goes(tiny, tmp_path: Path, monkeypatch, capsys) -> None:
    def spoil(path: Path) -> None:
        model = onnx.load(str(path))
        for tensor in model.graph.initializer:
            values = onnx.numpy_helper.to_array(tensor)
            if values.ndim == 4:
                tensor.CopyFrom(onnx.numpy_helper.from_array(-values, tensor.name))
        onnx.save(model, str(path))

    monkeypatch.setattr(export_forms, "simplify", spoil)
    assert export(tiny, tmp_path / "x.onnx", "--simplify", "--images", tiny.config.parent) == 2
    assert "expected PCK within 0.5 of PyTorch's" in capsys.readouterr().err
    assert not (tmp_path / "x.onnx").exists()


def test_mistakes(tiny, tmp_path: Path, capsys) -> None:
    assert export(tiny, tmp_path / "x.onnx", "--int8") == 2
    assert "expected --images FOLDER for the calibration" in capsys.readouterr().err
    (tmp_path / "none.json").write_text('{"images": [], "annotations": []}')
    words = ["--images", tiny.config.parent, "--annotations", tmp_path / "none.json"]
    assert export(tiny, tmp_path / "x.onnx", *words) == 2
    assert "expected annotations of the images" in capsys.readouterr().err


def test_comparison_counts(tiny) -> None:
    """PCK against the truth is that of a loop."""
    estimator = TorchEstimator(str(tiny.config), str(tiny.checkpoint))
    persons = load_persons(tiny.config.parent, tiny.config.parent / "people.json")
    result = compare(estimator, estimator, persons)
    right = total = 0
    for person in persons:
        (pose,) = estimator([person.crop])
        for (x, y), (true_x, true_y, _) in zip(pose.keypoints, person.truth, strict=True):
            right += np.hypot(x - true_x, y - true_y) <= 0.05 * 56
            total += 1
    assert result.pixels == 0 and result.pck == result.reference == pytest.approx(100 * right / total)


def test_heatmaps_by_hand(tiny, exported: Path) -> None:
    """Any runtime with a few lines of NumPy gets the key points: crop, run, highest value, back to the picture."""
    image = cv2.imread(str(tiny.pictures[0]))
    file = OnnxEstimator(exported)
    crop = Crop(image, np.array([0, 0, 64, 64, 1], dtype=np.float32))
    (heatmaps,) = file._session.run(None, {"images": file.images([crop])})
    (pose,) = file([crop])
    assert sum(heatmaps[0].max(axis=(1, 2)) > 0) > 3
    for (x, y), heatmap in zip(pose.keypoints, heatmaps[0], strict=True):
        if heatmap.max() <= 0:  # not found
            continue
        row, column = np.unravel_index(heatmap.argmax(), heatmap.shape)
        # the box is padded by a quarter to 80 pixels, of which a cell of the heatmap is a sixteenth
        assert abs(x - (column * 80 / 16 - 8)) <= 0.26 * 80 / 16 and abs(y - (row * 80 / 16 - 8)) <= 0.26 * 80 / 16


def test_description_is_plain(tiny) -> None:
    from mmengine.config import Config

    about = describe(Config.fromfile(tiny.config))
    assert json.loads(json.dumps(about)) == about
    assert set(about) == {"codec", "pipeline", "mean", "std", "bgr_to_rgb", "meta"}
