"""The LSP converter on a fabricated archive, and its rules against the real annotations."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmpose.registry import DATASETS
from scipy.io import savemat

from mmpose_ext.toolbox.cli import main
from mmpose_ext.toolbox.leeds.lsp import convert
from mmpose_ext.toolbox.leeds.person import JOINTS, person_box

COUNT, WIDTH, HEIGHT = 5, 90, 120


def names(count: int = COUNT) -> list[str]:
    return [f"im{number:04d}.jpg" for number in range(1, count + 1)]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Folder as the original one, with each image a second time and the pose drawn; joint 3 of person 2 is hidden."""
    rng = np.random.default_rng(0)
    joints = np.zeros((3, 14, COUNT))
    joints[:2] = rng.uniform(10, 80, (2, 14, COUNT))
    joints[2, 3, 1] = 1
    joints[:2, 0, 0] = (1, 1)  # the first pixel, counted from 1
    folder = tmp_path / "lsp_dataset"
    savemat(tmp_path / "joints.mat", {"joints": joints})
    for part in ("images", "visualized"):
        (folder / part).mkdir(parents=True)
        for name in names():
            cv2.imwrite(str(folder / part / name), rng.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8))
    (tmp_path / "joints.mat").rename(folder / "joints.mat")
    return folder


def test_convert(archive: Path, tmp_path: Path, root: Path) -> None:
    out = tmp_path / "out"
    assert convert(archive, out, num_train=3, num_test=2) == {"train": 3, "test": 2}
    persons = []
    for split in ("train", "test"):
        content = json.loads((out / f"annotations/lsp_{split}.json").read_text())
        persons += content["annotations"]
        assert [(image["width"], image["height"]) for image in content["images"]] == [(WIDTH, HEIGHT)] * len(
            content["annotations"]
        )
    assert [person["id"] for person in persons] == [1, 2, 3, 4, 5]
    points = np.array([person["keypoints"] for person in persons]).reshape(COUNT, 14, 3)
    assert points[0, 0].tolist() == [0, 0, 2]
    assert np.argwhere(points[..., 2] == 1).tolist() == [[1, 3]]
    assert all(person["num_keypoints"] == 14 for person in persons)
    for name in names():
        assert (out / "images" / name).read_bytes() == (archive / "images" / name).read_bytes()
    dataset = DATASETS.build(
        dict(
            type="CocoDataset",
            data_root=str(out),
            ann_file="annotations/lsp_train.json",
            data_prefix=dict(img="images/"),
            metainfo=Config.fromfile(root / "configs/_base_/datasets/lspet_metainfo.py").dataset_info,
        )
    )
    assert len(dataset) == 3
    assert dataset.get_data_info(1)["keypoints_visible"].all(), "a hidden joint is trained and counted"


def test_zip_gives_the_same(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "lsp.zip", "w") as packed:
        for path in sorted(archive.rglob("*")):
            packed.write(path, Path("lsp_dataset") / path.relative_to(archive))
    for source, name in ((archive, "a"), (tmp_path / "lsp.zip", "b")):
        convert(source, tmp_path / name, num_train=3, num_test=2)
    for path in (tmp_path / "a").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_errors(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert-lsp", str(archive), str(tmp_path / "out")]) == 2
    assert "convert-lsp: expected `joints` of shape (3, 14, 2000)" in capsys.readouterr().err
    with pytest.raises(ValueError, match="not empty"):
        convert(archive, archive)
    (archive / "images/im0002.jpg").unlink()
    (archive / "visualized/im0002.jpg").unlink()
    with pytest.raises(ValueError, match=r"lacks 1 files.*im0002.jpg"):
        convert(archive, tmp_path / "out", num_train=3, num_test=2)
    assert not (tmp_path / "out").exists()
    savemat(archive / "joints.mat", {"joints": np.zeros((14, 3, COUNT))})
    with pytest.raises(ValueError, match=r"LSP, not LSPET\) of .*, got \(14, 3, 5\)"):
        convert(archive, tmp_path / "out", num_train=3, num_test=2)


def test_real_annotations_follow_the_rules(data: Path) -> None:
    """The real set holds person crops, in which joints, boxes and hidden joints follow the same rules."""
    for split, numbers in (("train", range(1, 1001)), ("test", range(1001, 2001))):
        content = json.loads((data / f"lsp/annotations/lsp_{split}.json").read_text())
        assert content["categories"][0]["keypoints"] == list(JOINTS)
        assert [image["id"] for image in content["images"]] == list(numbers)
        sizes = {image["id"]: (image["width"], image["height"]) for image in content["images"]}
        points = np.array([one["keypoints"] for one in content["annotations"]]).reshape(1000, 14, 3)
        assert set(np.unique(points[..., 2])) == {1, 2}
        for annotation, person in zip(content["annotations"], points, strict=True):
            box = person_box(person[:, :2], sizes[annotation["image_id"]])
            np.testing.assert_allclose([*box[:2], *(box[2:] - box[:2])], annotation["bbox"], atol=0.03)
