"""`init-dataset`: every mistake is named with its annotation, and the config it writes trains."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import MODELS

from mmpose_ext.cli import main
from mmpose_ext.datasets.coco_check import check, flip_pairs, load
from mmpose_ext.datasets.own_data import sigma, split

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tiny import write_data

NAMES = ["nose", "left_hand", "right_hand", "tail"]


@pytest.fixture
def content(tmp_path: Path) -> dict[str, Any]:
    """Eight pictures of animals with four key points; pictures and file are in the folder of the test."""
    write_data(tmp_path)
    found = json.loads((tmp_path / "people.json").read_text())
    found["categories"] = [{"id": 1, "name": "cat", "keypoints": NAMES, "skeleton": [[1, 2], [1, 3], [1, 4]]}]
    for annotation in found["annotations"]:
        annotation["keypoints"] = annotation["keypoints"][:12]
        annotation["num_keypoints"] = 4
    (tmp_path / "people.json").unlink()
    return found


def test_nothing_wrong(content: dict[str, Any], tmp_path: Path) -> None:
    report = check(content, images=tmp_path)
    assert report.problems == [] and report.persons == 8 and report.labelled == [8] * 4
    assert report.skeleton == [(0, 1), (0, 2), (0, 3)]


def change(part: str, **values: Any):
    def apply(content: dict[str, Any]) -> None:
        for key, value in values.items():
            if value is None:
                del content[part][2][key]
            else:
                content[part][2][key] = value

    return apply


@pytest.mark.parametrize(
    ("mistake", "error", "where", "what"),
    [
        (change("annotations", keypoints=[1, 2, 2]), True, "annotation 3", "expected 12 numbers .*, got 3"),
        (change("annotations", keypoints=[1, 2, 3] * 4), True, "annotation 3", r"visibility of 0, 1 or 2, got \[3\]"),
        (change("annotations", keypoints=[float("nan")] * 12), True, "annotation 3", "expected 12 numbers"),
        (change("annotations", keypoints=[99, 2, 2] * 4), False, "annotation 3", "4 labelled key points lie outside"),
        (change("annotations", bbox=[1, 2, 0, 4]), True, "annotation 3", "positive size"),
        (change("annotations", bbox=[1, 2, 3]), True, "annotation 3", "four numbers"),
        (change("annotations", bbox=[40, 2, 40, 4]), False, "annotation 3", "beyond the image of 64x64"),
        (change("annotations", area=None), True, "annotation 3", "positive `area`"),
        (change("annotations", iscrowd=None), True, "annotation 3", "`iscrowd`"),
        (change("annotations", id=1), True, "annotation 1", "2 times, expected once"),
        (change("annotations", image_id=77), True, "annotation 3", "no image 77"),
        (change("annotations", num_keypoints=2), False, "annotation 3", "is 2, but 4 are labelled"),
        (change("annotations", category_id=9), False, "annotation 3", "expected category 1.* got 9"),
        (change("images", file_name="x.jpg"), True, "image 3", "there is no file .*x.jpg"),
        (change("images", width=None), True, "image 3", "expected `width`"),
        (change("images", id=1), True, "image 1", "2 times"),
        (lambda c: c["categories"][0].update(keypoints=["a", "a", "b", "c"]), True, "category 1", "'a' stands 2 times"),
        (lambda c: c["categories"][0].update(skeleton=[[0, 5]]), False, "category 1", "from 1 to 4"),
        (lambda c: [a["keypoints"].__setitem__(11, 0) for a in c["annotations"]], False, "key point tail", "nowhere"),
        (lambda c: c.update(annotations=[]), True, "the file", "no annotation"),
    ],
)  # fmt: skip
def test_mistakes(content: dict[str, Any], tmp_path: Path, mistake, error: bool, where: str, what: str) -> None:
    import re

    mistake(content)
    found = check(content, images=tmp_path).problems
    assert any(p.error is error and p.where == where and re.search(what, p.what) for p in found), found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "expected a JSON file"),
        ("[]", "got list"),
        ('{"images": [], "annotations": [], "categories": []}', "a category"),
    ],
)
def test_not_coco(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "x.json")


def test_flip_pairs() -> None:
    pairs = [
        ("left_eye", "right_eye"),
        ("LeftHip", "RightHip"),
        ("l_knee", "r_knee"),
        ("paw_l", "paw_r"),
        ("LAnkle", "RAnkle"),
    ]
    names = [name for pair in pairs for name in pair] + ["nose", "tail", "left_alone", "collar"]
    expected = {a: b for pair in pairs for a, b in (pair, pair[::-1])}
    assert flip_pairs(names) == expected


def test_sigmas_are_cocos() -> None:
    assert (sigma("left_hip"), sigma("RightKnee"), sigma("tail")) == (0.107, 0.087, 0.067)


def test_split(content: dict[str, Any]) -> None:
    train, val = split(content, share=0.25)
    assert (len(train["images"]), len(val["images"])) == (6, 2)
    assert {a["image_id"] for a in val["annotations"]} == {image["id"] for image in val["images"]}
    assert not {image["id"] for image in train["images"]} & {image["id"] for image in val["images"]}
    assert split(content, share=0.25) == (train, val)
    with pytest.raises(ValueError, match="two images"):
        split({**content, "images": content["images"][:1]}, share=0.5)


def init(content: dict[str, Any], folder: Path, *words: str) -> int:
    (folder / "cats.json").write_text(json.dumps(content))
    return main(["init-dataset", str(folder / "cats.json"), "--out", str(folder / "out"), *words])


def test_errors_stop_it(content: dict[str, Any], tmp_path: Path, capsys) -> None:
    bad = copy.deepcopy(content)
    bad["annotations"][4]["bbox"] = [1, 1, -1, 1]
    assert init(bad, tmp_path) == 1
    printed = capsys.readouterr()
    assert "ERROR: annotation 5: expected a box with a positive size" in printed.out
    assert not (tmp_path / "out").exists() and "--force" in printed.err
    assert init(content, tmp_path, "--model", "xhrnet-19") == 2
    assert init(content, tmp_path, "--images", "nothing") == 2


HRNET = "mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w32_udp-8xb64-210e_coco-256x192.py"


@pytest.mark.parametrize("model", ["xhrnet-18", "sharpose-small", HRNET])
def test_what_is_written(content: dict[str, Any], tmp_path: Path, model: str) -> None:
    """The config builds a network with the right number of key points; the metainfo has pairs and colours."""
    assert init(content, tmp_path, "--model", model, "--epochs", "3") == 0
    (path,) = (path for path in (tmp_path / "out").glob("*_cats.py"))
    config = Config.fromfile(path)
    meta = parse_pose_metainfo(dict(from_file=str(tmp_path / "out" / "metainfo.py")))
    assert meta["flip_indices"] == [0, 2, 1, 3] and meta["skeleton_links"] == [(0, 1), (0, 2), (0, 3)]
    assert config.train_cfg.max_epochs == 3 and config.model.head.out_channels == 4
    assert config.val_dataloader.dataset.get("bbox_file") is None
    with DefaultScope.overwrite_default_scope("mmpose"):
        network = MODELS.build(config.model)
    import torch

    from mmpose_ext.analysis.export import flatten_output
    from mmpose_ext.analysis.models import PoseNet

    with torch.no_grad():
        outputs = flatten_output(PoseNet(network.eval())(torch.zeros(1, 3, 256, 192)))
    assert outputs[-1].shape[:2] == (1, 4)


@pytest.mark.slow
def test_it_trains(content: dict[str, Any], tmp_path: Path) -> None:
    assert init(content, tmp_path, "--epochs", "1") == 0
    (path,) = (path for path in (tmp_path / "out").glob("*_cats.py"))
    mim = str(Path(sys.executable).with_name("mim"))
    options = [
        "train_dataloader.batch_size=3",
        "train_dataloader.num_workers=0",
        "train_dataloader.persistent_workers=False",
    ]
    options += [option.replace("train_", "val_") for option in options[1:]]
    command = [mim, "train", "mmpose", str(path), "--work-dir", str(tmp_path / "work"), "--cfg-options", *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert (tmp_path / "work" / "epoch_1.pth").is_file() and "coco/AP" in done.stdout + done.stderr
