"""An exported file describes itself, `infer` runs it, and its other forms compute the same, or say what they cost."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from mmengine.config import Config

from mmpose_ext.toolbox.cli import main
from mmpose_ext.toolbox.export import forms as export_forms
from mmpose_ext.toolbox.export import parity
from mmpose_ext.toolbox.export.parity import THRESHOLDS, Comparison, compare, load_persons
from mmpose_ext.toolbox.inference import OnnxEstimator, TorchEstimator
from mmpose_ext.toolbox.inference.description import DESCRIPTION, describe
from mmpose_ext.toolbox.inference.estimators import Crop
from mmpose_ext.toolbox.inference.onnx_runtime import onnx_session

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
    """With boxes, in batches, without the config; the keypoints are PyTorch's."""
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


def scores(printed: str, name: str) -> list[float]:
    """A line of the table of PCK."""
    return [float(value) for value in re.findall(rf"^{name} +(\S+) +(\S+) +(\S+)$", printed, re.MULTILINE)[0]]


def test_simplified(tiny, tmp_path: Path, capsys) -> None:
    path = tmp_path / "simple.onnx"
    words = ["--images", tiny.config.parent, "--annotations", tiny.config.parent / "people.json"]
    assert export(tiny, path, *words) == 0
    printed = capsys.readouterr().out
    assert float(re.findall(r"at most (\S+) pixels", printed)[0]) <= 0.02
    assert "on 8 persons of" in printed and scores(printed, "change") == [0, 0, 0]
    assert scores(printed, "file") == scores(printed, "PyTorch") != [100, 100, 100]
    assert OnnxEstimator(path).batch is None


def test_half(tiny, tmp_path: Path, exported: Path) -> None:
    """Half the size, outputs that differ by the precision of a half."""
    path = tmp_path / "half.onnx"
    assert export(tiny, path, "--fp16") == 0
    kinds = {tensor.data_type for tensor in onnx.load(str(path)).graph.initializer}
    assert onnx.TensorProto.FLOAT16 in kinds and path.stat().st_size < 0.8 * exported.stat().st_size
    images = np.random.default_rng(0).standard_normal((3, 3, 64, 64), dtype=np.float32)
    expected, got = (OnnxEstimator(one).run(images)[0] for one in (exported, path))
    assert got.dtype == np.float32 and 0 < np.abs(got - expected).max() < 0.02 * np.abs(expected).max()


def test_int8(tiny, tmp_path: Path, exported: Path, capsys) -> None:
    path, people = tmp_path / "int8.onnx", tiny.config.parent / "people.json"
    words = ["--images", tiny.config.parent, "--calibration", people, "--calibration-limit", 3]
    assert export(tiny, path, "--int8", *words) == 0
    printed = capsys.readouterr().out
    assert "calibrated on 3 persons" in printed and "PCK against PyTorch's keypoints, 8 persons" in printed
    assert scores(printed, "PyTorch") == [100, 100, 100] and scores(printed, "file")[0] > 60
    assert export_forms.node_counts(path)["QuantizeLinear"] > 5
    assert export_forms.node_counts(path)["Conv"] == export_forms.node_counts(exported)["Conv"]
    kinds = [tensor.data_type for tensor in onnx.load(str(path)).graph.initializer if len(tensor.dims) == 4]
    assert kinds.count(onnx.TensorProto.INT8) == export_forms.node_counts(path)["Conv"]


def test_what_is_quantised(tmp_path: Path) -> None:
    """Dense convolutions and products with one constant matrix; not depthwise ones, not batches of matrices."""
    weights = {"dense": (4, 3, 1, 1), "depthwise": (4, 1, 3, 3), "matrix": (4, 4), "batch": (1, 4, 4, 4)}
    kinds = dict(dense="Conv", depthwise="Conv", matrix="MatMul", batch="MatMul")
    nodes, last = [], "images"
    for name, kind in kinds.items():
        options = dict(group=4, pads=[1] * 4) if name == "depthwise" else {}
        nodes.append(onnx.helper.make_node(kind, [last, f"{name}_w"], [name], name=name, **options))
        last = name
    nodes.append(onnx.helper.make_node("MatMul", [last, last], ["output"], name="maps"))
    kind = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        nodes,
        "net",
        [onnx.helper.make_tensor_value_info("images", kind, [None, 3, 4, 4])],
        [onnx.helper.make_tensor_value_info("output", kind, [None, 4, 4, 4])],
        [onnx.numpy_helper.from_array(np.ones(shape, np.float32), f"{name}_w") for name, shape in weights.items()],
    )
    path = tmp_path / "x.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9), str(path))
    assert export_forms.dense_nodes(path) == ["dense", "matrix"]
    images = np.random.default_rng(0).standard_normal((2, 3, 4, 4), dtype=np.float32)
    (before,) = onnx_session(path, threads=1).run(None, {"images": images})
    export_forms.quantize(path, [images])
    (after,) = onnx_session(path, threads=1).run(None, {"images": images})
    assert 0 < np.abs(after - before).max() < 0.05 * np.abs(before).max()
    with pytest.raises(ValueError, match="expected images for the calibration, got none"):
        export_forms.quantize(path, [])


def test_half_with_shared_scales(tmp_path: Path) -> None:
    """Two resizes with one tensor of scales, which stay in float32, and with one product between them."""
    image = onnx.helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, [None, 3, 4, 4])
    output = onnx.helper.make_tensor_value_info("output", onnx.TensorProto.FLOAT, [None, 3, 16, 16])
    constants = {"scales": np.array([1, 1, 2, 2], np.float32), "two": np.array(2, np.float32)}
    nodes = [
        onnx.helper.make_node("Resize", ["images", "", "scales"], ["a"], name="a"),
        onnx.helper.make_node("Mul", ["a", "two"], ["b"], name="b"),
        onnx.helper.make_node("Resize", ["b", "", "scales"], ["output"], name="c"),
    ]
    tensors = [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = onnx.helper.make_graph(nodes, "net", [image], [output], tensors)
    path = tmp_path / "x.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9), str(path))
    export_forms.half(path)
    onnx.checker.check_model(str(path), full_check=True)
    images = np.random.default_rng(0).standard_normal((2, 3, 4, 4), dtype=np.float32)
    (got,) = onnx_session(path, threads=1).run(None, {"images": images})
    np.testing.assert_allclose(got, 2 * images.repeat(4, 2).repeat(4, 3), rtol=2e-3)


def test_a_wrong_file_fails_and_goes(tiny, tmp_path: Path, monkeypatch, capsys) -> None:
    def spoil(path: Path) -> None:
        model = onnx.load(str(path))
        for tensor in model.graph.initializer:
            values = onnx.numpy_helper.to_array(tensor)
            if values.ndim == 4:
                tensor.CopyFrom(onnx.numpy_helper.from_array(-values, tensor.name))
        onnx.save(model, str(path))

    monkeypatch.setattr(export_forms, "simplify", spoil)
    assert export(tiny, tmp_path / "x.onnx", "--images", tiny.config.parent) == 2
    assert "expected the outputs of PyTorch within 0.0001" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_was_there_stays(tiny, tmp_path: Path, monkeypatch, capsys) -> None:
    """A conversion that loses too much leaves the older file."""
    path = tmp_path / "x.onnx"
    path.write_text("older")
    lost = Comparison(8, 9.0, {0.05: 50.0, 0.1: 60.0, 0.2: 70.0}, {0.05: 51.0, 0.1: 60.0, 0.2: 70.0})
    monkeypatch.setattr(parity, "compare", lambda *args: lost)
    assert export(tiny, path, "--images", tiny.config.parent) == 2
    assert "expected PCK within 0.5 of PyTorch's" in capsys.readouterr().err
    assert path.read_text() == "older" and len(list(tmp_path.iterdir())) == 1


def test_random_weights_are_compared_with_themselves(tiny, tmp_path: Path, capsys) -> None:
    words = ["export", str(tiny.config), "none", str(tmp_path / "x.onnx"), "--exporter", "torchscript"]
    assert main([*words, "--images", str(tiny.config.parent)]) == 0
    assert float(re.findall(r"at most (\S+) pixels", capsys.readouterr().out)[0]) <= 0.02


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--int8"], "expected --images FOLDER or --calibration-images FOLDER"),
        (["--annotations", "x.json"], "expected --images FOLDER beside --annotations"),
        (["--calibration", "x.json"], "expected --int8 beside --calibration"),
        (["--images", "{root}", "--annotations", "{none}"], "expected annotations of the images"),
        (["--images", "{root}", "--annotations", "{root}/tiny.py"], "expected a COCO-style file of keypoints"),
        (
            ["--images", "{root}", "--annotations", "{boxless}"],
            "expected a COCO-style file .*boxless",
        ),
        (["--images", "{root}", "--annotations", "{other}"], "expected annotations of 17 keypoints, .* got 2"),
        (["--images", "{root}", "--limit", "0"], "expected a limit of at least one person, got 0"),
        (["--images", "nowhere"], "'nowhere', which does not exist"),
        (["--batch", "0"], "expected a batch size of at least 1, got 0"),
    ],
)
def test_mistakes(tiny, tmp_path: Path, capsys, words: list[str], message: str) -> None:
    (tmp_path / "none.json").write_text('{"images": [], "annotations": []}')
    content = json.loads((tiny.config.parent / "people.json").read_text())
    for annotation in content["annotations"]:
        annotation["keypoints"] = annotation["keypoints"][:6]
    (tmp_path / "other.json").write_text(json.dumps(content))
    content["annotations"][0]["bbox"] = [1, 2]
    (tmp_path / "boxless.json").write_text(json.dumps(content))
    boxless = tmp_path / "boxless.json"
    names = dict(boxless=boxless, root=tiny.config.parent, none=tmp_path / "none.json", other=tmp_path / "other.json")
    assert export(tiny, tmp_path / "x.onnx", *(word.format(**names) for word in words)) == 2
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "x.onnx").exists()


def test_mistakes_in_the_names(tiny, tmp_path: Path, capsys) -> None:
    assert export(tiny, tmp_path / "x.pt") == 2
    assert "expected a name that ends in .onnx" in capsys.readouterr().err
    assert main(["export", str(tiny.config), str(tmp_path / "no.pth"), str(tmp_path / "x.onnx")]) == 2
    assert "no.pth, which does not exist" in capsys.readouterr().err


def strange(path: Path, inputs: dict[str, list], output: list, description: str | None = None) -> Path:
    """A file that ONNX Runtime reads and that is no network of ours."""
    kind = onnx.TensorProto.FLOAT
    first = next(iter(inputs))
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("ReduceMean", [first], ["output"], name="mean", axes=[1], keepdims=1)],
        "net",
        [onnx.helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()],
        [onnx.helper.make_tensor_value_info("output", kind, output)],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    if description is not None:
        onnx.helper.set_model_props(model, {DESCRIPTION: description})
    onnx.save(model, str(path))
    return path


def test_wrong_files(tiny, exported: Path, tmp_path: Path, capsys) -> None:
    """What is no ONNX file, another network, or described wrongly is named before anything is written."""
    (tmp_path / "cut.onnx").write_bytes(exported.read_bytes()[: exported.stat().st_size // 2])
    (tmp_path / "text.onnx").write_text("not a network")
    about = json.dumps(describe(Config.fromfile(tiny.config)))
    files = {
        tmp_path / "cut.onnx": "cut.onnx can't be read",
        tmp_path / "text.onnx": "text.onnx can't be read",
        strange(tmp_path / "two.onnx", {"a": [1, 3, 64, 64], "b": [1]}, [1, 1, 64, 64], about): "expected one input",
        strange(tmp_path / "size.onnx", {"a": [None, 3, 32, 32]}, [None, 1, 32, 32], about): r"3, 64, 64\) of .* 32",
        strange(tmp_path / "maps.onnx", {"a": [None, 3, 64, 64]}, [None, 1, 64, 64], about): "17 keypoints .* got 1",
        strange(tmp_path / "json.onnx", {"a": [None, 3, 64, 64]}, [None, 1, 64, 64], "[]"): "expected the description",
        strange(tmp_path / "part.onnx", {"a": [None, 3, 64, 64]}, [None, 1, 64, 64], "{}"): "KeyError",
    }
    for path, message in files.items():
        assert main(["infer", str(tiny.pictures[0]), "--model", str(path), "--out", str(tmp_path / "out")]) == 2
        assert re.search(message, capsys.readouterr().err), path


def test_a_description_runs_nothing(tiny, exported: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    """Descriptions of others: what they name is not called, what is senseless is refused, the file is named."""
    monkeypatch.chdir(tmp_path)
    about = describe(Config.fromfile(tiny.config))
    attack = {"type": "os.mkdir", "path": str(tmp_path / "made")}
    steps, meta = about["pipeline"], about["meta"]
    changes = [
        {"codec": attack},
        {"codec": {**about["codec"], **attack}},
        {"pipeline": [attack]},
        {"pipeline": [*steps, {"type": "RandomApply", "transforms": [attack]}]},
        {"pipeline": [{**steps[0], "backend_args": attack}, *steps[1:]]},
        {"pipeline": steps[:-1]},
        {"pipeline": [step for step in steps if step["type"] != "TopdownAffine"]},
        {"codec": {**about["codec"], "input_size": [10**6, 10**6]}},
        {"codec": {**about["codec"], "sigma": attack}},
        {"mean": ["a", "b", "c"]},
        {"std": [0, 1, 1]},
        {"meta": {**meta, "num_keypoints": 10**9}},
        {"meta": {**meta, "keypoint_id2name": {"0": "nose"}}},
        {"meta": {**meta, "skeleton_links": [[0, 99]]}},
        {"meta": {**meta, "keypoint_colors": [[1, 2, 3]]}},
        {"meta": [1]},
    ]
    texts = [json.dumps({**about, **change}) for change in changes] + ["[" * 100_000, "9" * 5000, " " * 2**21]
    model = onnx.load(str(exported))
    for number, text in enumerate(texts):
        path = tmp_path / f"{number}.onnx"
        onnx.helper.set_model_props(model, {DESCRIPTION: text})
        onnx.save(model, str(path))
        assert main(["infer", str(tiny.pictures[0]), "--model", str(path), "--out", "out"]) == 2, text[:300]
        err = capsys.readouterr().err
        assert path.name in err and len(err.splitlines()) == 1, err
    assert not (tmp_path / "made").exists() and not (tmp_path / "out").exists()


def test_comparison_counts(tiny) -> None:
    """PCK against the truth is that of a loop."""
    estimator = TorchEstimator(str(tiny.config), str(tiny.checkpoint))
    persons = load_persons(tiny.config.parent, tiny.config.parent / "people.json")
    result = compare(estimator, estimator, persons)
    right = dict.fromkeys(THRESHOLDS, 0)
    for person in persons:
        (pose,) = estimator([person.crop])
        for (x, y), (true_x, true_y, _) in zip(pose.keypoints, person.truth, strict=True):
            for threshold in THRESHOLDS:
                right[threshold] += np.hypot(x - true_x, y - true_y) < threshold * 56
    total = sum(len(person.truth) for person in persons)
    assert result.pixels == 0 and result.pck == result.reference
    assert result.pck == pytest.approx({threshold: 100 * number / total for threshold, number in right.items()})


def test_persons_are_spread_over_the_annotations(tiny) -> None:
    folder, people = tiny.config.parent, tiny.config.parent / "people.json"
    every = load_persons(folder, people)
    assert len(every) == 8 and len(load_persons(folder, people, limit=100)) == 8
    some = load_persons(folder, people, limit=4)
    for one, other in zip(some, every[::2], strict=True):
        np.testing.assert_array_equal(one.crop.image, other.crop.image)
        np.testing.assert_array_equal(one.truth, other.truth)
    assert len(load_persons(folder, limit=3)) == 3


def test_heatmaps_by_hand(tiny, exported: Path) -> None:
    """Any runtime with a few lines of NumPy gets the keypoints: crop, run, highest value, back to the picture."""
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
    about = describe(Config.fromfile(tiny.config))
    assert json.loads(json.dumps(about)) == about
    assert set(about) == {"codec", "pipeline", "mean", "std", "bgr_to_rgb", "meta"}
