"""`init-dataset`: every mistake is named with its annotation, nothing is lost, and the config it writes trains."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import MODELS

from mmpose_ext.toolbox.cli import main
from mmpose_ext.toolbox.own_data import init_dataset
from mmpose_ext.toolbox.own_data.annotations import repaired, split
from mmpose_ext.toolbox.own_data.check import check, load
from mmpose_ext.toolbox.own_data.keypoint_names import flip_pairs, missing_partners, sigma
from tests.tiny import write_data

NAMES = ["nose", "left_hand", "right_hand", "tail"]
Content = dict[str, Any]
Mistake = Callable[[Content], Any]


@pytest.fixture
def content(tmp_path: Path) -> Content:
    """Eight pictures of animals with four keypoints; pictures and file are in the folder of the test."""
    write_data(tmp_path)
    found = json.loads((tmp_path / "people.json").read_text())
    found["categories"] = [{"id": 1, "name": "cat", "keypoints": NAMES, "skeleton": [[1, 2], [1, 3], [1, 4]]}]
    for annotation in found["annotations"]:
        annotation["keypoints"] = annotation["keypoints"][:12]
        annotation["num_keypoints"] = 4
    (tmp_path / "people.json").unlink()
    return found


def test_nothing_wrong(content: Content, tmp_path: Path) -> None:
    report = check(content, images=tmp_path)
    assert report.problems == [] and report.persons == 8 and report.labeled == [8] * 4
    assert report.skeleton == [(0, 1), (0, 2), (0, 3)]
    assert repaired(report) == content


REMOVED = object()


def third(part: str, **values: Any) -> Mistake:
    """Change the third annotation or image; its id is 3."""

    def apply(content: Content) -> None:
        for key, value in values.items():
            if value is REMOVED:
                del content[part][2][key]
            else:
                content[part][2][key] = value

    return apply


def annotation(**values: Any) -> Mistake:
    return third("annotations", **values)


def image(**values: Any) -> Mistake:
    return third("images", **values)


def category(**values: Any) -> Mistake:
    return lambda content: content["categories"][0].update(values)


def point(place: int, value: Any) -> Mistake:
    return lambda content: content["annotations"][2]["keypoints"].__setitem__(place, value)


def everywhere(change: Callable[[Content], Any]) -> Mistake:
    return lambda content: [change(entry) for entry in content["annotations"]]


NAN = float("nan")
A3 = "annotation 3"
ERRORS: list[tuple[Mistake, str, str]] = [
    (annotation(keypoints=[1, 2, 2]), A3, r"expected 12 numbers .* of 4\), got 3"),
    (annotation(keypoints=[[1, 2, 2]] * 4), A3, "expected 12 numbers .* got a list of lists"),
    (annotation(keypoints=REMOVED), A3, "expected 12 numbers .* got nothing"),
    (annotation(keypoints="1,2,2"), A3, "expected 12 numbers .* got '1,2,2'"),
    (annotation(keypoints=[1, 2, 3] * 4), A3, "visibility of 0, 1 or 2, got 3"),
    (point(3, NAN), A3, "expected a number as x of left_hand, got nan"),
    (point(10, float("inf")), A3, "expected a number as y of tail, got inf"),
    (point(0, "12"), A3, "expected a number as x of nose, got '12'"),
    (point(2, True), A3, "expected a number as visibility of nose, got True"),
    (annotation(bbox=REMOVED), A3, "expected `bbox` of four numbers .* got nothing"),
    (annotation(bbox=[1, 2, 3]), A3, r"four numbers .* got \[1, 2, 3\]"),
    (annotation(bbox=[1, NAN, 3, 4]), A3, r"four numbers .* got \[1, nan, 3, 4\]"),
    (annotation(bbox=[1, 2, 0, 4]), A3, r"with a positive size, got \[1, 2, 0, 4\]"),
    (annotation(bbox=[1, 2, -3, 4]), A3, "with a positive size"),
    (annotation(bbox=[500, 500, 9, 9]), A3, r"the box \[500, .* lies outside of the image of 64x64"),
    (annotation(bbox=[-50, 2, 9, 9]), A3, "lies outside of the image of 64x64"),
    (annotation(area=-1), A3, "expected a positive `area`.* got -1"),
    (annotation(area=NAN), A3, "expected a positive `area`.* got nan"),
    (annotation(id=4), "annotation 4", "2 entries have its id, expected one"),
    (annotation(id=REMOVED), "annotation no. 3 of the list", "whole number as its `id`, got None"),
    (annotation(id="x3"), "annotation no. 3 of the list", "whole number as its `id`, got 'x3'"),
    (lambda c: c["annotations"].__setitem__(2, [1]), "annotation no. 3 of the list", r"got no dict but \[1\]"),
    (annotation(image_id=77), A3, "there is no image 77"),
    (annotation(image_id=REMOVED), A3, "whole number as its `image_id`, got None"),
    (annotation(iscrowd=[]), A3, r"0 \(a person\) or 1 \(a crowd\), got \[\]"),
    (annotation(iscrowd="0"), A3, "got '0'"),
    (annotation(iscrowd=2), A3, "got 2"),
    (annotation(area=10**400), A3, r"expected a positive `area`.* got 10{60,}\.\.\.$"),
    (annotation(bbox=[1, 2, 10**400, 4]), A3, "four numbers"),
    (annotation(id=10**30), "annotation no. 3 of the list", "whole number as its `id`"),
    (annotation(image_id=True), A3, "whole number as its `image_id`, got True"),
    (point(0, 10**400), A3, "expected a number as x of nose"),
    (point(1, 1e300), A3, "expected a number as y of nose"),
    (image(width=10**400), "image 3", "two positive numbers"),
    (image(file_name="n\0ul.jpg"), "image 3", "no file|can't be read"),
    (image(file_name="."), "image 3", "is a folder"),
    (
        lambda c: [c["categories"][0].update(id=[1]), *(one.update(category_id=[1]) for one in c["annotations"])],
        "category [1]",
        "whole number as its `id`",
    ),
    (category(keypoints=["a", "b", "c", 4]), "category 1", "expected names in `keypoints`, got 4"),
    (image(file_name="x.jpg"), "image 3", "there is no file .*x.jpg"),
    (image(file_name=REMOVED), "image 3", "expected `file_name`, got None"),
    (image(file_name="text.jpg"), "image 3", "text.jpg is no image that can be read"),
    (image(width=REMOVED), "image 3", "two positive numbers, got None and 64"),
    (image(width="64"), "image 3", "two positive numbers, got '64' and 64"),
    (image(width=63), "image 3", "are 63x64, the file has 64x64"),
    (image(id=1), "image 1", "2 entries have its id, expected one"),
    (image(id="3"), "image no. 3 of the list", "whole number as its `id`, got '3'"),
    (category(keypoints=["a", "a", "b", "c"]), "category 1", "there are 2 keypoints named 'a'"),
    (lambda c: c.update(annotations=[]), "the file", "no annotation with a labeled keypoint"),
    (everywhere(lambda a: a.update(keypoints=[0.5, 0.5, 2] * 4)), "the file", "from 0 to 1 only; expected pixels"),
]
"""What is changed, where the error stands, and what it says."""
WARNINGS: list[tuple[Mistake, str, str]] = [
    (point(0, 99), A3, "lie outside of the image: nose"),
    (annotation(bbox=[40, 2, 40, 4]), A3, "reaches beyond the image of 64x64"),
    (annotation(area=REMOVED), A3, "no `area`.* 0.53 of the box is written"),
    (annotation(iscrowd=REMOVED), A3, "no `iscrowd`; 0, a person, is written"),
    (annotation(iscrowd=None, area=None), A3, "no `iscrowd`; 0, a person, is written"),
    (annotation(num_keypoints=2), A3, "is 2, but 4 are labeled; 4 is written"),
    (annotation(category_id=9), A3, "left out: expected category 1.* got 9"),
    (annotation(category_id=REMOVED), A3, "left out: expected category 1.* got None"),
    (category(skeleton=[[0, 5]]), "category 1", r"pairs of numbers from 1 to 4 in the skeleton, got \[0, 5\]"),
    (category(skeleton=[["nose", "tail"]]), "category 1", r"from 1 to 4 in the skeleton, got \['nose', 'tail'\]"),
    (category(keypoints=["a", "b", "c", "d"]), "category 1", "no name has a side"),
    (category(keypoints=["nose", "left_hand", "hand", "tail"]), "category 1", "left_hand .* there is no right_hand"),
    (everywhere(lambda a: a["keypoints"].__setitem__(11, 0)), "keypoint tail", "never labeled"),
]
"""The same, for what stops nothing."""


@pytest.mark.parametrize(
    ("mistake", "where", "what", "error"), [(*one, True) for one in ERRORS] + [(*one, False) for one in WARNINGS]
)
def test_mistakes(content: Content, tmp_path: Path, mistake: Mistake, where: str, what: str, error: bool) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    mistake(content)
    report = check(content, images=tmp_path)
    assert any(p.error is error and p.where == where and re.search(what, p.what) for p in report.problems), report
    assert bool(report.errors) is error
    used = repaired(report)  # what --force writes holds no error
    assert (
        check(used, images=tmp_path).errors
        == report.whole_errors
        == (where.startswith(("category", "the file"))) * error
    )


def test_what_is_left_out_and_filled_in(content: Content, tmp_path: Path) -> None:
    """An annotation or image with an error goes, with what depends on it; COCO's evaluation gets what it needs."""
    content["annotations"][0]["bbox"] = None
    content["images"][1]["file_name"] = "none.jpg"
    content["annotations"][2]["area"] = None
    for key in ("iscrowd", "num_keypoints"):
        del content["annotations"][2][key]
    content["annotations"][3]["id"] = 0
    used = repaired(check(content, images=tmp_path))
    assert [a["id"] for a in used["annotations"]] == [3, 9, 5, 6, 7, 8]
    assert [i["id"] for i in used["images"]] == [1, 3, 4, 5, 6, 7, 8]
    filled = used["annotations"][0]
    assert (filled["area"], filled["iscrowd"], filled["num_keypoints"]) == (0.53 * 56 * 56, 0, 4)


def test_the_category_with_most_annotations(content: Content) -> None:
    content["categories"].insert(0, {"id": 7, "name": "dog", "keypoints": ["a"]})
    content["annotations"][0].update(category_id=7, keypoints=[1, 1, 2])
    report = check(content)
    assert report.keypoints == NAMES and [a["id"] for a in report.annotations] == [2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a JSON file, got .*x.json: Expecting value"),
        ("{", "expected a JSON file"),
        ("[]", "expected the lists images, annotations, categories in .*, got a list"),
        ("{}", "got nothing"),
        ('{"images": [], "annotations": []}', "got annotations, images"),
        ('{"images": [], "annotations": [], "categories": []}', "a category with an `id` and `keypoints`"),
        ('{"images": [], "annotations": [], "categories": [{"id": 1}]}', "a category with an `id` and `keypoints`"),
        ('{"images": [], "annotations": {}, "categories": []}', "expected the lists"),
        (b"\xff\xfe\x00", "expected a JSON file"),
        ("[" * 100_000, "x.json: it is nested too deeply"),
        ('{"images": [' + "9" * 5000 + "]}", "x.json: it has a number of too many digits"),
    ],
)
def test_not_coco(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=message):
        load(path)


def test_flip_pairs() -> None:
    pairs = [
        ("left_eye", "right_eye"),
        ("LeftHip", "RightHip"),
        ("l_knee", "r_knee"),
        ("paw_l", "paw_r"),
        ("paw.L", "paw.R"),
        ("LAnkle", "RAnkle"),
    ]
    names = [name for pair in pairs for name in pair] + ["nose", "tail", "left_alone", "collar"]
    expected = {a: b for pair in pairs for a, b in (pair, pair[::-1])}
    assert flip_pairs(names) == expected
    assert missing_partners(names) == {"left_alone": "right_alone"}


def test_sigmas_are_cocos() -> None:
    names = {"left_hip": 0.107, "RightKnee": 0.087, "LAnkle": 0.089, "tail": 0.067, "heart": 0.067, "ship": 0.067}
    assert {name: sigma(name) for name in names} == names


def test_split(content: Content) -> None:
    train, val = split(content, share=0.25)
    assert (len(train["images"]), len(val["images"])) == (6, 2)
    assert {a["image_id"] for a in val["annotations"]} == {image["id"] for image in val["images"]}
    assert not {image["id"] for image in train["images"]} & {image["id"] for image in val["images"]}
    assert split(content, share=0.25) == (train, val)
    for images, share in ((content["images"][:1], 0.5), (content["images"], 0), (content["images"], 1)):
        with pytest.raises(ValueError, match="two images"):
            split({**content, "images": images}, share=share)


def init(content: Content, folder: Path, *words: str) -> int:
    (folder / "cats.json").write_text(json.dumps(content))
    return main(["init-dataset", str(folder / "cats.json"), "--out", str(folder / "out"), *words])


def config_in(folder: Path) -> Path:
    (path,) = (folder / "out").glob("*_cats.py")
    return path


def test_errors_stop_it_and_force_leaves_them_out(content: Content, tmp_path: Path, capsys) -> None:
    content["annotations"][4]["bbox"] = content["annotations"][6]["bbox"] = [1, 1, -1, 1]
    assert init(content, tmp_path) == 1
    printed = capsys.readouterr()
    assert "8 labeled persons, 4 keypoints, 2 errors, 0 warnings" in printed.out
    assert "  ERROR: annotations 5, 7: expected a box (x, y, width, height) with a positive size" in printed.out
    assert not (tmp_path / "out").exists() and "--force" in printed.err
    assert init(content, tmp_path, "--force") == 0
    written = [json.loads((tmp_path / "out" / part).read_text()) for part in ("train.json", "val.json")]
    assert sorted(a["id"] for part in written for a in part["annotations"]) == [1, 2, 3, 4, 6, 8]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "xhrnet-19"], "xhrnet-19"),
        (["--images", "nothing"], "expected a folder of images, got nothing"),
        (["--epochs", "0"], "expected --epochs to be at least 1, got 0"),
        (["--val-share", "2"], "a share between 0 and 1, got 8 and 2.0"),
        (["--val", "{folder}/cats.json"], "expected another file than"),
        (["--val", "{folder}/none.json"], "No such file"),
        (["--model", "{folder}/001.jpg"], "001.jpg can't be read as one"),
        (["--out", "{folder}/001.jpg"], "expected a folder for --out, got the file"),
        (["--out", "{folder}/mine"], "mine/train.json, which is read, would be written"),
    ],
)
def test_arguments_that_cant_be_used(content: Content, tmp_path: Path, words: list[str], message: str, capsys) -> None:
    words = [word.format(folder=tmp_path) for word in words]
    source = tmp_path / "cats.json"
    if words[-1].endswith("mine"):  # the file that is read has the name of one that would be written
        source = tmp_path / "mine" / "train.json"
        source.parent.mkdir()
        words += ["--images", str(tmp_path), "--overwrite"]
    source.write_text(json.dumps(content))
    assert main(["init-dataset", str(source), *words]) == 2
    assert message in capsys.readouterr().err
    assert json.loads(source.read_text()) == content


def test_nothing_is_overwritten_unasked(content: Content, tmp_path: Path, capsys) -> None:
    assert init(content, tmp_path) == 0
    metainfo = tmp_path / "out" / "metainfo.py"
    metainfo.write_text("edited by hand")
    assert init(content, tmp_path) == 2
    assert "metainfo.py, train.json, val.json in" in capsys.readouterr().err
    assert metainfo.read_text() == "edited by hand"
    assert init(content, tmp_path, "--overwrite") == 0
    assert "dataset_info" in metainfo.read_text()


def test_the_function(content: Content, tmp_path: Path) -> None:
    """What the command calls, as a notebook would; a name of a file can't end a text in the config."""
    path = tmp_path / 'my""" cats.json'
    path.write_text(json.dumps(content))
    content["annotations"][0]["iscrowd"] = 1
    (tmp_path / "val.json").write_text(json.dumps(content))
    report = init_dataset(path, tmp_path / "out", gpus=1, val=tmp_path / "val.json", epochs=2)
    assert list(report.reports) == [path, tmp_path / "val.json"] and report.training is not None
    training = report.training._replace(config=report.training.config.relative_to(tmp_path))
    name = Path("out/td-hm_xhrnet-18_8xb64-2e_my_cats.py")
    assert training == (name, 8, 64, 1, 2, 1, ("nose", "tail"), None, None, 1, 2.5e-4)
    (tmp_path / "val.json").write_text(json.dumps({**content, "annotations": [{"id": 1, "category_id": 1}]}))
    stopped = init_dataset(path, tmp_path / "none", val=tmp_path / "val.json")
    assert stopped.training is None and not (tmp_path / "none").exists()


def test_force_has_its_limits(content: Content, tmp_path: Path, capsys) -> None:
    """What is wrong with the whole file can't be left out, and something has to be left."""
    for entry in content["annotations"][:7]:
        entry.update(keypoints=[0] * 12, num_keypoints=0)
    assert init(content, tmp_path, "--force") == 2
    assert re.search("for training and for validation, got [01] and [01]", capsys.readouterr().err)
    content["categories"][0]["keypoints"] = ["a", "a", "b", "c"]
    assert init(content, tmp_path, "--force") == 1
    assert "--force" not in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


HRNET = "mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w32_udp-8xb64-210e_coco-256x192.py"
FAMILIES = ("xhrnet-18", "ssn-3block-k256", "sfm", "scanet-1s-synthetic", "sharpose-small")


@pytest.mark.parametrize("model", ["xhrnet-18", "sharpose-small", HRNET])
def test_what_is_written(content: Content, tmp_path: Path, model: str) -> None:
    """The config builds a network with the right number of keypoints; the metainfo has pairs and colors."""
    assert init(content, tmp_path, "--model", model, "--epochs", "3") == 0
    path = config_in(tmp_path)
    config = Config.fromfile(path)
    assert path.stem.endswith("-3e_cats")
    meta = parse_pose_metainfo(dict(from_file=str(tmp_path / "out" / "metainfo.py")))
    assert meta["flip_indices"] == [0, 2, 1, 3] and meta["skeleton_links"] == [(0, 1), (0, 2), (0, 3)]
    assert config.train_cfg.max_epochs == 3 and config.model.head.out_channels == 4
    assert config.val_dataloader.dataset.get("bbox_file") is None
    with DefaultScope.overwrite_default_scope("mmpose"):
        network = MODELS.build(config.model)

    from mmpose_ext.toolbox.export.onnx_file import flatten_output
    from mmpose_ext.toolbox.networks import PoseNet

    with torch.no_grad():
        outputs = flatten_output(PoseNet(network.eval())(torch.zeros(1, 3, 256, 192)))
    assert outputs[-1].shape[:2] == (1, 4)


def test_a_schedule_that_fits(content: Content, tmp_path: Path, capsys) -> None:
    """A warm-up counted in the iterations of COCO would never end on eight pictures."""
    assert init(content, tmp_path, "--epochs", "21") == 0
    assert "training: 7 persons, 1 iteration of 64 per epoch, 21 in all" in capsys.readouterr().out
    warm_up, steps = Config.fromfile(config_in(tmp_path)).param_scheduler
    assert (warm_up.end, steps.milestones, steps.end) == (2, [17, 20], 21)


@pytest.mark.slow
@pytest.mark.parametrize("model", FAMILIES)
def test_it_trains(content: Content, tmp_path: Path, model: str) -> None:
    """Two iterations and a validation by stock `mim train`."""
    assert init(content, tmp_path, "--epochs", "1", "--model", model) == 0
    options = ["train_dataloader.batch_size=4"]
    for loader in ("train_dataloader", "val_dataloader"):
        options += [f"{loader}.num_workers=0", f"{loader}.persistent_workers=False"]
    mim = str(Path(sys.executable).with_name("mim"))
    command = [mim, "train", "mmpose", str(config_in(tmp_path)), "--work-dir", str(tmp_path / "work")]
    if Config.fromfile(config_in(tmp_path)).train_cfg.get("max_iters"):
        options += ["train_cfg.max_iters=2", "train_cfg.val_interval=2"]
    done = subprocess.run([*command, "--cfg-options", *options], capture_output=True, text=True, cwd=tmp_path)
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed[-3000:]
    assert "coco/AP" in printed and list((tmp_path / "work").glob("*_[12].pth")), printed[-3000:]
