"""What the page shows, without the page: weights, files, persons, errors, and what a visitor may name."""

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

import mmpose_ext.toolbox.demo
from mmpose_ext.toolbox.demo import DemoSession, PosePredictor, choices
from mmpose_ext.toolbox.demo.predictor import Request, read_frame
from mmpose_ext.toolbox.demo.session import KEPT_RESULTS, FormValues, Upload, describe_error
from mmpose_ext.toolbox.inference import TorchEstimator, find_sources, read, whole_image
from mmpose_ext.toolbox.inference.estimators import Crop


def test_every_alias_is_offered() -> None:
    found = {choice.alias: choice for choice in choices()}
    assert {"xhrnet-18", "sharpose-base", "sfm", "ssn", "scanet-2s"} <= set(found)
    assert found["xhrnet-18"].label == "xhrnet-18 · X-HRNet, COCO"
    assert found["xhrnet-18"].description.startswith("[X-HRNet](https://doi.org/")
    assert "1.3 M parameters · 256 x 192" in found["xhrnet-18"].description


def test_poses_equal_those_of_infer(session: DemoSession, tiny, form) -> None:
    result = session.run(form())
    assert result.status == "done" and "tiny, tiny.pth: 1 person in" in result.text
    (frame,) = read(find_sources([str(tiny.image)]))
    estimator = TorchEstimator(str(tiny.config), str(tiny.checkpoint))
    (expected,) = estimator([Crop(frame.image, whole_image([frame])[0][0])])
    np.testing.assert_allclose(result.prediction.poses[0].keypoints, expected.keypoints, atol=1e-3)
    assert len(result.rows) == 17 and result.rows[0][:2] == (1, "nose")
    np.testing.assert_allclose([row[2:4] for row in result.rows], expected.keypoints, atol=0.06)


def test_the_file_is_coco_under_the_visitors_name(session: DemoSession, form) -> None:
    file = session.run(form()).json_file
    assert file.name == "me-at-home.json"
    assert COCO(str(file)).loadImgs([1])[0]["file_name"] == "me at home.jpg"
    assert json.loads(file.read_text())["info"] == {"model": str(form().model), "weights": "tiny.pth"}


def test_random_weights_are_named_everywhere(session: DemoSession, tmp_path: Path, form) -> None:
    random = DemoSession(session.predictor, folder=tmp_path, model=session.model)
    result = random.run(form())
    assert result.status == "random" and "the poses mean nothing" in result.text
    assert json.loads(result.json_file.read_text())["info"]["weights"] == "random weights"
    plain = random.draw(result.prediction, 1.0, random=False)
    assert (result.overlay[-8:, :40] != plain[-8:, :40]).any(), "nothing is written into the image"
    assert "No checkpoint" in random.describe(FormValues(None, "xhrnet-18"))[1]
    assert session.describe(form())[1] == "Weights: `tiny.pth`"


def test_heatmaps_of_a_network_without_panels_of_its_own(session: DemoSession, form) -> None:
    result = session.run(form())
    ((image, title),) = result.panels
    assert title.startswith("heatmaps, up to ") and image.shape == (384, 384, 3)
    assert "has no visualization of its own" in result.panel_text


def test_panels_of_a_paper(session: DemoSession, form) -> None:
    """One real alias, to see that the page shows what the command `visualize` draws."""
    result = session.run(form(model="sfm-synthetic"))
    assert result.status == "random"
    assert [title for _, title in result.panels][:2] == ["X_41: HSA, M + M * M_deeper", "X_41: plain, M"]
    assert result.panel_text == "What sfm-synthetic looks at in the person crop."


def test_the_default_has_the_weights_of_the_package(tmp_path: Path) -> None:
    session = DemoSession(PosePredictor(), folder=tmp_path)
    example = Upload(session.render_example().rename(session.uploads / "a.jpg"), "a.jpg")
    values = FormValues(example, session.model)
    result = session.run(values)
    assert result.status == "done" and f"{session.model}.safetensors: 1 person" in result.text, result.text
    assert session.describe(values)[1] == f"Weights: `{session.model}.safetensors`"


def test_the_threshold_only_draws(session: DemoSession, form) -> None:
    prediction = session.run(form()).prediction
    (pose,) = prediction.poses
    height, width = prediction.frame.image.shape[:2]
    corners = np.stack([np.linspace(8, width - 8, 17), np.linspace(8, height - 8, 17)], axis=1)
    prediction = prediction._replace(poses=[pose._replace(keypoints=corners, scores=np.linspace(0.1, 0.9, 17))])
    plain = prediction.frame.image[..., ::-1]
    changed = [(session.draw(prediction, value, random=False) != plain).sum() for value in (0.0, 0.5, 0.95)]
    assert changed[0] > 1.5 * changed[1] > 0 == changed[2]


def test_persons_of_a_detector(session: DemoSession, form) -> None:
    boxes = np.array([[0, 0, 20, 20, 0.9], [0, 0, 60, 60, 0.8]], dtype=np.float32)
    session.predictor = PosePredictor(detector=lambda frames: [boxes for _ in frames])
    result = session.run(form(detect=True, person=2))
    assert [tuple(box[:4]) for box in result.prediction.boxes] == [(0, 0, 60, 60), (0, 0, 20, 20)], "largest first"
    assert "2 persons in" in result.text and "Person 2 of 2" in result.panel_text
    assert {row[0] for row in result.rows} == {1, 2}
    assert session.run(form(detect=True, person=3)).text == "Expected a person from 1 to 2, got 3."
    boxes = boxes[:0]
    result = session.run(form(detect=True))
    assert "no person in" in result.text and result.panel_text == "No person was found." and not result.rows


def test_a_network_is_loaded_once_and_not_more_than_fit(session: DemoSession, tiny, form, upload, monkeypatch) -> None:
    built = []

    def build(config, checkpoint, **options):
        built.append(checkpoint)
        return TorchEstimator(config, checkpoint, **options)

    monkeypatch.setattr("mmpose_ext.toolbox.demo.predictor.TorchEstimator", build)
    session.predictor.capacity, session.allow_paths = 1, True
    uploaded = form(checkpoint=upload(tiny.checkpoint, "mine.pth"))
    for one in (form(), form(), uploaded, form(model="nothing"), uploaded):
        session.run(one)
    assert built[1:] == [str(uploaded.checkpoint.path), None], "each is built once, and what can't be built is not kept"
    uploaded.checkpoint.path.touch()
    session.run(uploaded)
    assert len(built) == 4, "the file has changed"
    assert len(session.predictor._networks) == 1


def test_one_at_a_time(session: DemoSession, form, monkeypatch) -> None:
    running, most = [], []

    def slow(frames, finder, estimator):
        running.append(1)
        most.append(len(running))
        threading.Event().wait(0.05)
        running.pop()
        return iter([SimpleNamespace(poses=[], boxes=np.zeros((0, 5)))])

    monkeypatch.setattr("mmpose_ext.toolbox.demo.predictor.estimate", slow)
    request = Request(form().image.path, form().model)
    threads = [threading.Thread(target=session.predictor.predict, args=(request,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1]


class _Command:
    """A pickle that would run a command."""

    def __reduce__(self):
        return (Path.touch, (Path("executed"),))


def test_errors_are_one_sentence(session: DemoSession, form, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    session.allow_paths = True
    uploads = session.uploads
    (uploads / "text.jpg").write_text("not an image")
    (uploads / "text.pth").write_text("not a checkpoint")
    (uploads / "evil.pth").write_bytes(pickle.dumps({"state_dict": _Command()}))
    torch.save({"state_dict": {"a": torch.zeros(1)}}, uploads / "other.pth")
    text, evil, other = (Upload(uploads / f"{name}.pth", f"my {name}.pth") for name in ("text", "evil", "other"))
    wrong = {
        "Expected an image: upload one": form(image=None),
        "notes.jpg is no image": form(image=Upload(uploads / "text.jpg", "notes.jpg")),
        "Expected a model, got none.": form(model=""),
        "did you mean xhrnet-18": form(model="xhrnet-19"),
        "my text.pth": form(checkpoint=text),
        "my evil.pth": form(checkpoint=evil),
        "my other.pth": form(checkpoint=other),
        "nowhere.pth, which does not exist.": form(checkpoint_path="nowhere.pth"),
        "started without one.": form(detect=True),
    }
    for message, one in wrong.items():
        result = session.run(one)
        assert result.status == "error" and message in result.text, result.text
        assert str(tmp_path) not in result.text or one.checkpoint_path
        assert result.overlay is None and result.json_file is None and result.panels == ()
    assert not (tmp_path / "executed").exists()


def test_an_unexpected_error_is_logged_and_named(session: DemoSession, form, monkeypatch, caplog) -> None:
    def broken(request):
        raise RuntimeError("out of\n memory")

    monkeypatch.setattr(session.predictor, "predict", broken)
    assert session.run(form()).text == "Unexpected error (RuntimeError: out of memory); see the terminal."
    assert "Traceback" in caplog.text
    assert describe_error(ValueError("x" * 900), {"/": "name"}).endswith("x….")


def test_paths_need_permission(session: DemoSession, tiny, form, upload) -> None:
    """A config is a program: a visitor may have one run only where that was allowed."""
    session.model, session.checkpoint = "sfm-synthetic", None
    result = session.run(form())
    assert result.status == "error" and "expected one of the listed models" in result.text.lower()
    assert session._find_checkpoint(form(checkpoint_path=str(tiny.checkpoint))) is None
    uploaded = upload(tiny.checkpoint, "a.pth")
    assert session._find_checkpoint(form(checkpoint=uploaded)) == uploaded.path
    assert session.describe(form())[0] == ""
    session.allow_paths = True
    assert session.run(form(checkpoint_path=str(tiny.checkpoint))).status == "done"
    session.allow_paths, session.model, session.checkpoint = False, str(tiny.config), tiny.checkpoint
    assert session.run(form()).status == "done", "the model of the command line is offered"


@pytest.mark.parametrize(
    "name", ["outside.jpg", "uploads/../outside.jpg", "uploads/link.jpg", "uploads", "\0", "uploads-2/a.jpg"]
)
def test_only_uploaded_files_are_read(session: DemoSession, tiny, form, tmp_path: Path, name: str) -> None:
    (tmp_path / "uploads-2").mkdir()
    for file in ("outside.jpg", "uploads-2/a.jpg"):
        (tmp_path / file).write_bytes(tiny.image.read_bytes())
    (session.uploads / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    for one in ("image", "checkpoint"):
        result = session.run(form(**{one: Upload(Path(f"{tmp_path}/{name}"), "mine.jpg")}))
        assert result.status == "error" and result.overlay is None
        assert any(words in result.text for words in ("mine.jpg is not one", "null byte", "embedded null"))


def test_old_files_are_removed(session: DemoSession, form) -> None:
    for _ in range(KEPT_RESULTS + 3):
        assert session.render_example().is_file()
    assert len(list(session.results.iterdir())) == KEPT_RESULTS
    first, second = (cv2.imread(str(session.render_example())) for _ in range(2))
    assert first.shape != second.shape or (first != second).any(), "a different image each time"
    assert session.run(form()).json_file.is_file()


def test_a_large_image(tmp_path: Path, monkeypatch) -> None:
    from PIL import Image

    Image.new("1", (8000, 7000)).save(tmp_path / "huge.png")
    with pytest.raises(ValueError, match=r"huge.png has 8000x7000 pixels, expected at most 50000000"):
        read_frame(tmp_path / "huge.png")
    monkeypatch.setattr("mmpose_ext.toolbox.demo.predictor.MAX_BYTES", 10)
    with pytest.raises(ValueError, match=r"at most 0 MB, huge\.png is larger"):
        read_frame(tmp_path / "huge.png")


def test_old_names() -> None:
    with pytest.warns(FutureWarning, match="Desk is now DemoSession"):
        assert mmpose_ext.toolbox.demo.Desk is DemoSession
