"""`mmpose-ext infer`: every kind of input, every way to name persons, PyTorch and ONNX, and what goes wrong."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import mmdet
import numpy as np
import pytest
import torch
from mmdet.registry import MODELS as DETECTORS
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.apis.inferencers import Pose2DInferencer
from xtcocotools.coco import COCO

from mmpose_ext.toolbox.cli import main
from mmpose_ext.toolbox.inference import GivenBoxes, TorchEstimator, estimate, find_sources, read, run, whole_image
from mmpose_ext.toolbox.inference.frames import Frame, Source
from mmpose_ext.toolbox.inference.persons import Detector
from mmpose_ext.toolbox.inference.results import ImageWriter


def infer(tiny, tmp_path: Path, *words: object) -> int:
    model = ["--out", str(tmp_path / "out"), "--model", str(tiny.config), "--checkpoint", str(tiny.checkpoint)]
    return main(["infer", *model, *map(str, words)])


def predictions(tmp_path: Path) -> dict:
    return json.loads((tmp_path / "out" / "predictions.json").read_text())


def test_folder(tiny, tmp_path: Path, capsys) -> None:
    assert infer(tiny, tmp_path, tiny.config.parent) == 0
    assert "8 persons in 8 images" in capsys.readouterr().out
    content = predictions(tmp_path)
    assert [Path(image["file_name"]).name for image in content["images"]] == [p.name for p in tiny.pictures]
    assert sorted(p.name for p in (tmp_path / "out").glob("*.jpg")) == [p.name for p in tiny.pictures]
    drawn, original = cv2.imread(str(tmp_path / "out" / "001.jpg")), cv2.imread(str(tiny.pictures[0]))
    assert drawn.shape == original.shape and (drawn != original).any()


def test_the_file_is_coco(tiny, tmp_path: Path) -> None:
    infer(tiny, tmp_path, tiny.pictures[0])
    coco = COCO(str(tmp_path / "out" / "predictions.json"))
    (category,) = coco.loadCats([1])
    assert len(category["keypoints"]) == 17 and [16, 14] in category["skeleton"]
    (annotation,) = coco.loadAnns(coco.getAnnIds())
    assert len(annotation["keypoints"]) == 51 and annotation["bbox"] == [0, 0, 64, 64]
    assert coco.loadRes(predictions(tmp_path)["annotations"]).getAnnIds() == [1]


def test_equal_to_mmposes_inferencer(tiny, tmp_path: Path) -> None:
    """The numbers, with the same box, without the mirror."""
    inferencer = Pose2DInferencer(str(tiny.config), str(tiny.checkpoint), device="cpu", det_model="whole_image")
    expected = [next(inferencer(str(path)))["predictions"][0][0] for path in tiny.pictures[:3]]
    assert infer(tiny, tmp_path, *tiny.pictures[:3]) == 0
    for one, other in zip(expected, predictions(tmp_path)["annotations"], strict=True):
        points = np.array(other["keypoints"]).reshape(-1, 3)
        np.testing.assert_allclose(points[:, :2], one["keypoints"], atol=2e-3)
        np.testing.assert_allclose(points[:, 2], one["keypoint_scores"], atol=1e-3)


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_persons_share_batches_and_keep_their_pictures(tiny, batch: int) -> None:
    estimator = TorchEstimator(str(tiny.config), str(tiny.checkpoint))
    sizes = []

    def counting(crops):
        sizes.append(len(crops))
        return estimator(crops)

    counting.meta = estimator.meta
    frames = list(read(find_sources([str(path) for path in tiny.pictures[:3]])))
    finder = GivenBoxes(tiny.boxes)
    found = list(estimate(frames, finder, counting, batch=batch))
    assert [len(one.poses) for one in found] == [2, 0, 1]
    assert max(sizes) == min(batch, 3)
    (alone,) = estimate(frames[2:], finder, estimator, batch=1)
    np.testing.assert_allclose(found[2].poses[0].keypoints, alone.poses[0].keypoints, atol=1e-3)


def test_boxes_from_a_file(tiny, tmp_path: Path, capsys) -> None:
    words = [*tiny.pictures[:3], "--boxes", tiny.boxes, "--box-threshold", 0.5]
    assert infer(tiny, tmp_path, *words) == 0
    assert [a["bbox"] for a in predictions(tmp_path)["annotations"]] == [[4, 4, 40, 50], [0, 0, 64, 64]]
    assert infer(tiny, tmp_path, tiny.pictures[4], "--boxes", tiny.boxes) == 2
    assert "expected boxes of 005.jpg" in capsys.readouterr().err
    assert infer(tiny, tmp_path, *tiny.pictures[2:5], "--boxes", tiny.boxes) == 2
    assert len(capsys.readouterr().err.splitlines()) == len(predictions(tmp_path)["images"]) + 1 == 2
    assert infer(tiny, tmp_path, tiny.pictures[4], "--boxes", tiny.config.parent / "people.json") == 0
    assert predictions(tmp_path)["annotations"][0]["bbox"] == [4, 4, 56, 56]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "expected COCO's format .*, got a list"),
        ('{"annotations": [3], "images": []}', "boxes.json, got TypeError"),
        ('{"001.jpg": [[1, 2, 3, NaN]]}', "boxes.json, got .*nan"),
        ('{"001.jpg": [[1, 2, 0, 4]]}', "expected x, y, width, height"),
        ("[" * 100_000, "boxes.json: it is nested too deeply"),
        ("{", "expected a JSON file"),
        ('{"001.jpg": [[1, 2, 3]]}', r"expected x, y, width, height .*, got \[1, 2, 3, 1.0\]"),
    ],
)
def test_wrong_boxes(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "boxes.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        GivenBoxes(tmp_path / "boxes.json")


def test_video(tiny, tmp_path: Path, video: Path) -> None:
    assert infer(tiny, tmp_path, video) == 0
    content = predictions(tmp_path)
    assert len(content["images"]) == 7 and content["images"][3]["file_name"].endswith("walk.mp4#3")
    capture = cv2.VideoCapture(str(tmp_path / "out" / "walk.mp4"))
    assert (capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)) == (7, 10)
    assert infer(tiny, tmp_path, video, "--limit", 2, "--no-pictures") == 0
    assert len(predictions(tmp_path)["images"]) == 2


def test_webcam(tiny, tmp_path: Path, monkeypatch) -> None:
    """A camera that gives pictures for ever, until Control-C."""

    class Camera:
        shots = 0

        def __init__(self, number: int) -> None:
            assert number == 2

        def isOpened(self) -> bool:
            return True

        def get(self, key: int) -> float:
            return 0.0

        def read(self):
            Camera.shots += 1
            if Camera.shots > 5:
                raise KeyboardInterrupt
            return True, np.zeros((32, 48, 3), dtype=np.uint8)

        def release(self) -> None:
            pass

    monkeypatch.setattr("mmpose_ext.toolbox.inference.frames.cv2.VideoCapture", Camera)
    assert infer(tiny, tmp_path, "webcam:2", "--batch", 1) == 0
    assert len(predictions(tmp_path)["images"]) == 5
    assert (tmp_path / "out" / "webcam.mp4").stat().st_size > 0


def test_a_detector(tiny, tmp_path: Path, monkeypatch) -> None:
    """Only persons, only good ones, only one of two that overlap."""
    boxes = [[0, 0, 30, 60], [1, 0, 31, 60], [32, 0, 60, 60], [5, 5, 60, 60], [0, 0, 9, 9]]
    instances = SimpleNamespace(
        bboxes=np.array(boxes, dtype=np.float32),
        scores=np.array([0.9, 0.8, 0.7, 0.95, 0.1], dtype=np.float32),
        labels=np.array([0, 0, 0, 2, 0]),
    )
    instances.cpu = instances.numpy = lambda: instances
    answer = {"predictions": [SimpleNamespace(pred_instances=instances)]}
    monkeypatch.setattr("mmdet.apis.DetInferencer", lambda **options: lambda images, **more: answer)
    assert infer(tiny, tmp_path, tiny.pictures[0], "--detector", "rtmdet-m") == 0
    assert [a["bbox"] for a in predictions(tmp_path)["annotations"]] == [[0, 0, 30, 60], [32, 0, 28, 60]]


def test_rtmdet_runs(tmp_path: Path) -> None:
    """The real detector with random weights: suppression and all run without compiled operators."""
    config = Config.fromfile(Path(mmdet.__file__).parent / ".mim/configs/rtmdet/rtmdet_tiny_8xb32-300e_coco.py")
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope("mmdet"):
        model = DETECTORS.build(config.model)
    torch.save({"state_dict": model.state_dict(), "meta": {}}, tmp_path / "tiny.pth")
    detector = Detector("rtmdet_tiny_8xb32-300e_coco", weights=str(tmp_path / "tiny.pth"), threshold=0.0)
    image = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    first, second = detector([Frame(Source("image", tmp_path, "a"), 0, one) for one in (image, image[:50])])
    for boxes in (first, second):
        assert boxes.ndim == 2 and boxes.shape[1] == 5 and boxes.dtype == np.float32


def test_names_do_not_collide(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "x.png"), np.zeros((8, 8, 3), dtype=np.uint8))
    files = [str(tmp_path / "a" / "x.png"), str(tmp_path / "b" / "x.png")]
    assert [source.name for source in find_sources(files)] == ["x", "x-1"]
    assert [source.name for source in find_sources([str(tmp_path)])] == ["a/x", "b/x"]
    with ImageWriter(tmp_path / "out") as writer:
        for frame in read(find_sources([str(tmp_path)])):
            assert writer.add(frame, frame.image).is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.jpg"], "'nothing.jpg', which does not exist"),
        (["{root}/tiny.py"], "expected a file that ends in"),
        (["{empty}"], "expected images or videos in"),
        (["{broken}"], "broken.jpg is no image"),
        (["{root}/001.jpg", "--out", "{root}"], "001.jpg would be overwritten"),
        (["{root}/001.jpg", "--out", "{root}/002.jpg"], "expected a folder for the output"),
        (["{root}/001.jpg", "--boxes", "no.json"], "expected a JSON file"),
        (["{root}/001.jpg", "--batch", "0"], "expected a batch of at least 1, got 0"),
        (["{root}/001.jpg", "--threads", "-1"], "expected threads of at least 1, got -1"),
        (["{root}/001.jpg", "--limit", "0"], "expected a limit of at least 1, got 0"),
        (["{root}/001.jpg", "--detector-weights", "x.pth"], "expected a detector for the detector weights x.pth"),
        (["{root}/001.jpg", "--device", "toaster"], "expected a device among auto, cuda, mps, cpu, got 'toaster'"),
    ],
)
def test_mistakes(tiny, tmp_path: Path, capsys, words: list[str], message: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.jpg").write_text("not a picture")
    names = dict(root=tiny.config.parent, empty=tmp_path / "empty", broken=tmp_path / "broken.jpg")
    assert infer(tiny, tmp_path, *(word.format(**names) for word in words)) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "xhrnet-18"], "xhrnet-18 needs weights: give a file with --checkpoint FILE"),
        (["--model", "xhrnet-18", "--checkpoint", "no.pth"], "no.pth, which does not exist"),
        (["--model", "xhrnet-19", "--checkpoint", "none"], "did you mean xhrnet-18"),
        (["--model", "no.onnx"], "expected an ONNX file"),
        (["--model", "no.onnx", "--checkpoint", "x"], "expected no checkpoint beside it, got x"),
    ],
)
def test_mistakes_in_the_model(tiny, tmp_path: Path, capsys, words: list[str], message: str) -> None:
    assert main(["infer", str(tiny.pictures[0]), "--out", str(tmp_path), *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model = dict(", "broken.py can't be read as one (SyntaxError"),
        ("model = 1 / 0", "broken.py can't be read as one (ZeroDivisionError"),
        ("a = 1", "expected a config with a model, got"),
        ("model = dict(type='NoSuchNetwork')", "broken.py can't be built for inference on cpu (KeyError"),
        ("model = dict(type='no_such_package.Network')", "Network needs the package no_such_package, which is not in"),
    ],
)
def test_a_config_that_is_refused(tiny, tmp_path: Path, capsys, text: str, message: str) -> None:
    (tmp_path / "broken.py").write_text(text)
    words = ["--model", str(tmp_path / "broken.py"), "--checkpoint", "none", "--out", str(tmp_path / "out")]
    assert main(["infer", str(tiny.pictures[0]), *words]) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


def test_whole_image_and_unknown_camera(monkeypatch) -> None:
    (frame,) = [SimpleNamespace(image=np.zeros((30, 40, 3)))]
    np.testing.assert_array_equal(whole_image([frame]), [[[0, 0, 40, 30, 1]]])
    closed = SimpleNamespace(isOpened=lambda: False, release=lambda: None)
    monkeypatch.setattr("mmpose_ext.toolbox.inference.frames.cv2.VideoCapture", lambda number: closed)
    with pytest.raises(ValueError, match="expected a webcam, camera 7 can't be opened"):
        next(read([Source("webcam", Path("7"), "webcam")]))


def test_one_file_does_not_end_the_run(tiny, tmp_path: Path, capsys) -> None:
    """Each bad file is named with the reason, the good ones are done, and the status tells."""
    folder = tmp_path / "photos"
    (folder / "folder.jpg").mkdir(parents=True)
    good = tiny.pictures[0].read_bytes()
    for name in ("a.jpg", "z.jpg", "folder.jpg/inside.jpg"):
        (folder / name).write_bytes(good)
    (folder / "empty.jpg").touch()
    (folder / "half.jpg").write_bytes(good[: len(good) // 2])
    (folder / "link.png").symlink_to("nowhere.png")
    (folder / "film.mp4").write_text("no film")
    assert infer(tiny, tmp_path, folder, tmp_path / "no.jpg") == 2
    out, err = capsys.readouterr()
    assert "3 persons in 3 images" in out and "5 can't be read" in out
    for name, reason in (
        ("empty", "empty"),
        ("half", "decoded"),
        ("link", "link"),
        ("film", "opened"),
        ("no", "exist"),
    ):
        assert len([line for line in err.splitlines() if f"{name}." in line and reason in line]) == 1, (name, err)
    assert len(predictions(tmp_path)["images"]) == 3


def test_the_function(tiny, tmp_path: Path, monkeypatch) -> None:
    """What the command calls, as a notebook would; and Control-C before the end."""
    options = dict(checkpoint=tiny.checkpoint, out=tmp_path / "out", draw=False)
    report = run.infer([tiny.pictures[0], tiny.pictures[1]], str(tiny.config), **options)
    assert report == (tmp_path / "out" / "predictions.json", 2, 2, (), False)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["predictions.json"]

    def stopping(sources, **options):
        yield next(read(sources))
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "read", stopping)
    assert run.infer(tiny.pictures, str(tiny.config), **options, batch=1).stopped
    assert infer(tiny, tmp_path, *tiny.pictures, "--batch", 1) == 130
    assert len(predictions(tmp_path)["images"]) == 1
