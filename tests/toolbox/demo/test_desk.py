"""What the page answers, without the page: weights, files, persons, errors, and who may name a path."""

from __future__ import annotations

import json
import pickle
import threading
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from xtcocotools.coco import COCO

from mmpose_ext.toolbox.demo import Desk, Studio, choices
from mmpose_ext.toolbox.demo.desk import KEPT, Fields, Upload, explain
from mmpose_ext.toolbox.demo.studio import Request, read_picture
from mmpose_ext.toolbox.inference import TorchEstimator, find_sources, read, whole_image
from mmpose_ext.toolbox.inference.estimators import Crop


def test_every_alias_is_offered() -> None:
    zoo = {choice.alias: choice for choice in choices()}
    assert {"xhrnet-18", "sharpose-base", "sfm", "ssn", "scanet-2s"} <= set(zoo)
    assert zoo["xhrnet-18"].label == "xhrnet-18 · X-HRNet, COCO"
    assert zoo["xhrnet-18"].description.startswith("[X-HRNet](https://doi.org/")
    assert "1.3 M parameters · 256 x 192 · key points of COCO" in zoo["xhrnet-18"].description


def test_poses_are_those_of_infer(desk: Desk, tiny, fields) -> None:
    answer = desk.look(fields())
    assert answer.kind == "done" and "tiny, tiny.pth: 1 person in" in answer.text
    (frame,) = read(find_sources([str(tiny.picture)]))
    estimator = TorchEstimator(str(tiny.config), str(tiny.checkpoint))
    (expected,) = estimator([Crop(frame.image, whole_image([frame])[0][0])])
    np.testing.assert_allclose(answer.seen.poses[0].keypoints, expected.keypoints, atol=1e-3)
    assert len(answer.rows) == 17 and answer.rows[0][:2] == (1, "nose")
    np.testing.assert_allclose([row[2:4] for row in answer.rows], expected.keypoints, atol=0.06)


def test_the_file_is_coco_under_the_users_name(desk: Desk, fields) -> None:
    file = desk.look(fields()).file
    assert file.name == "me-at-home.json"
    assert COCO(str(file)).loadImgs([1])[0]["file_name"] == "me at home.jpg"
    assert json.loads(file.read_text())["info"] == {"model": str(fields().model), "weights": "tiny.pth"}


def test_random_weights_are_said_everywhere(desk: Desk, fields) -> None:
    random = Desk(desk.studio, folder=desk.folder)
    answer = random.look(fields())
    assert answer.kind == "random" and "the poses mean nothing" in answer.text
    assert json.loads(answer.file.read_text())["info"]["weights"] == "random weights"
    plain = random.draw(answer.seen, 1.0, random=False)
    assert (answer.picture[-8:, :40] != plain[-8:, :40]).any(), "nothing is written into the picture"
    assert "No checkpoint" in random.describe(Fields(None, "xhrnet-18"))[1]
    assert desk.describe(fields())[1] == "Weights: `tiny.pth`"


def test_heatmaps_of_a_network_without_a_picture_of_its_own(desk: Desk, fields) -> None:
    answer = desk.look(fields())
    ((picture, title),) = answer.panels
    assert title.startswith("heatmaps, up to ") and picture.shape == (384, 384, 3)
    assert "has no picture of its own" in answer.about


def test_a_networks_own_picture(tmp_path: Path, tiny) -> None:
    """One real alias, to see that the visualisation behind the command `visualize` is what is shown."""
    desk = Desk(Studio(), folder=tmp_path)
    answer = desk.look(Fields(Upload(tiny.picture, "a.jpg"), "sfm-synthetic"))
    assert answer.kind == "random"
    assert [title for _, title in answer.panels][:2] == ["X_41: HSA, M + M * M_deeper", "X_41: plain, M"]
    assert answer.about == "What sfm-synthetic looks at in the crop of the person."


def test_the_threshold_only_draws(desk: Desk, fields) -> None:
    seen = desk.look(fields()).seen
    (pose,) = seen.poses
    height, width = seen.frame.image.shape[:2]
    corners = np.stack([np.linspace(8, width - 8, 17), np.linspace(8, height - 8, 17)], axis=1)
    seen = seen._replace(poses=[pose._replace(keypoints=corners, scores=np.linspace(0.1, 0.9, 17))])
    plain = seen.frame.image[..., ::-1]
    changed = [(desk.draw(seen, value, random=False) != plain).sum() for value in (0.0, 0.5, 0.95)]
    assert changed[0] > 1.5 * changed[1] > 0 == changed[2]


def test_persons_of_a_detector(tiny, tmp_path: Path, fields) -> None:
    boxes = np.array([[0, 0, 20, 20, 0.9], [0, 0, 60, 60, 0.8]], dtype=np.float32)
    studio = Studio(detector=lambda frames: [boxes for _ in frames])
    desk = Desk(studio, folder=tmp_path, model=str(tiny.config), checkpoint=tiny.checkpoint)
    answer = desk.look(fields(detect=True, person=2))
    assert [tuple(box[:4]) for box in answer.seen.boxes] == [(0, 0, 60, 60), (0, 0, 20, 20)], "the largest first"
    assert "2 persons in" in answer.text and "Person 2 of 2" in answer.about
    assert {row[0] for row in answer.rows} == {1, 2}
    assert desk.look(fields(detect=True, person=3)).text == "Expected a person from 1 to 2, got 3."
    boxes = boxes[:0]
    answer = desk.look(fields(detect=True))
    assert "no person in" in answer.text and answer.about == "There is no person to look at." and not answer.rows


def test_a_network_is_loaded_once_and_not_more_than_fit(desk: Desk, tiny, fields, monkeypatch) -> None:
    built = []

    def build(config, checkpoint, **options):
        built.append(checkpoint)
        return TorchEstimator(config, checkpoint, **options)

    monkeypatch.setattr("mmpose_ext.toolbox.demo.studio.TorchEstimator", build)
    desk.studio.capacity = 1
    upload = fields(uploaded=Upload(tiny.checkpoint, "mine.pth"))
    for one in (fields(), fields(), upload, fields(model="nothing"), upload):
        desk.look(one)
    assert len(built) == 2, "the uploaded file is the same one, and what can't be built is not kept"
    tiny.checkpoint.touch()
    desk.look(upload)
    assert len(built) == 3, "the file has changed"
    assert len(desk.studio._networks) == 1


def test_one_at_a_time(desk: Desk, fields, monkeypatch) -> None:
    running, most = [], []

    def slow(frames, finder, estimator):
        running.append(1)
        most.append(len(running))
        threading.Event().wait(0.05)
        running.pop()
        return iter([SimpleNamespace(poses=[], boxes=np.zeros((0, 5)))])

    monkeypatch.setattr("mmpose_ext.toolbox.demo.studio.estimate", slow)
    request = Request(fields().picture.path, fields().model)
    threads = [threading.Thread(target=desk.studio.look, args=(request,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1]


class _Command:
    """A pickle that would run a command."""

    def __reduce__(self):
        return (Path.touch, (Path("owned"),))


def test_what_goes_wrong_is_one_sentence(desk: Desk, tiny, fields, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "text.pth").write_text("not a checkpoint")
    (tmp_path / "evil.pth").write_bytes(pickle.dumps({"state_dict": _Command()}))
    torch.save({"state_dict": {"a": torch.zeros(1)}}, tmp_path / "other.pth")
    text, evil, other = (Upload(tmp_path / f"{name}.pth", f"my {name}.pth") for name in ("text", "evil", "other"))
    wrong = {
        "Expected a picture, got none": fields(picture=None),
        "Expected a picture (JPEG, PNG, WebP, BMP or TIFF), notes.jpg is none.": fields(
            picture=Upload(tmp_path / "text.jpg", "notes.jpg")
        ),
        "Expected a model, got none.": fields(model=""),
        "did you mean xhrnet-18": fields(model="xhrnet-19"),
        "plain data only, my text.pth holds something else.": fields(uploaded=text),
        "my evil.pth holds something else": fields(uploaded=evil),
        "my other.pth is not: ": fields(uploaded=other),
        "nowhere.pth, which does not exist.": fields(typed="nowhere.pth"),
        "started without a detector.": fields(detect=True),
    }
    for message, one in wrong.items():
        answer = desk.look(one)
        assert answer.kind == "error" and message in answer.text, answer.text
        assert str(tmp_path) not in answer.text or one.typed
        assert answer.picture is None and answer.file is None and answer.panels == ()
    assert not (tmp_path / "owned").exists()


def test_the_unexpected_is_logged_and_named(desk: Desk, fields, monkeypatch, caplog) -> None:
    def broken(request):
        raise RuntimeError("out of\n memory")

    monkeypatch.setattr(desk.studio, "look", broken)
    answer = desk.look(fields())
    assert answer.text == "Something unexpected happened (RuntimeError: out of memory); the terminal says more."
    assert "Traceback" in caplog.text
    assert explain(ValueError("x" * 900), {}).endswith("x….")


def test_only_at_home_a_visitor_names_paths(tiny, tmp_path: Path, fields) -> None:
    """A config is a program: nobody from elsewhere may have one run."""
    desk = Desk(Studio(), folder=tmp_path, model="sfm-synthetic", local=False)
    answer = desk.look(fields())
    assert answer.kind == "error" and "expected one of the listed models" in answer.text.lower()
    assert desk._weights(fields(typed=str(tiny.checkpoint))) == (None, False)
    uploaded = Upload(tiny.checkpoint, "a.pth")
    assert desk._weights(fields(uploaded=uploaded)) == (tiny.checkpoint, False), "an upload is never trusted"
    started = Desk(desk.studio, folder=tmp_path, model=str(tiny.config), checkpoint=tiny.checkpoint, local=False)
    assert started.look(fields()).kind == "done", "what it was started with is offered"


def test_old_files_go(desk: Desk, fields) -> None:
    for _ in range(KEPT + 3):
        assert desk.example().is_file()
    assert len(list(desk.folder.iterdir())) == KEPT
    first, second = (cv2.imread(str(desk.example())) for _ in range(2))
    assert first.shape != second.shape or (first != second).any(), "another picture each time"
    assert desk.look(fields()).file.is_file()


def test_a_picture_that_says_it_is_huge(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("1", (8000, 7000)).save(tmp_path / "huge.png")
    with pytest.raises(ValueError, match=r"at most 50 megapixels, huge.png has 8000 x 7000"):
        read_picture(tmp_path / "huge.png")
