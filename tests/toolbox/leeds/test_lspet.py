"""The LSPET converter on a fabricated archive, and its rules against the real annotations."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmpose.registry import DATASETS
from scipy.io import loadmat, savemat

from mmpose_ext.toolbox.cli import main
from mmpose_ext.toolbox.leeds.lspet import IN_LSP_TEST, NEAR_DUPLICATES, convert, without_lsp_test
from mmpose_ext.toolbox.leeds.person import JOINTS, person_box

COUNT, WIDTH, HEIGHT = 16, 120, 160
FEW, OUTSIDE, NO_HEAD = 3, 5, 7
METAINFO = Path("configs/_base_/datasets/lspet_metainfo.py")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Folder as the original one: 16 pictures, one with few joints, one with a joint outside, one without a neck."""
    rng = np.random.default_rng(0)
    joints = np.zeros((14, 3, COUNT))
    joints[:, 0], joints[:, 1] = rng.uniform(20, 100, (14, COUNT)), rng.uniform(20, 140, (14, COUNT))
    joints[:, 2] = 1
    joints[12, :2], joints[13, :2] = [[60.25], [40.5]], [[60.25], [20.5]]
    joints[:7, 2, FEW - 1] = 0
    joints[0, 0, OUTSIDE - 1] = WIDTH
    joints[12, :, NO_HEAD - 1] = (-30, 0, 0)
    folder = tmp_path / "lspet"
    (folder / "images").mkdir(parents=True)
    savemat(folder / "joints.mat", {"joints": joints})
    for number in range(1, COUNT + 1):
        picture = rng.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"images/im{number:05d}.jpg"), picture)
    return folder


def test_convert(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    counts = convert(archive, out, num_train=6, num_val=8)
    usable = [number for number in range(1, COUNT + 1) if number not in (FEW, OUTSIDE)]
    order = [usable[i] for i in np.random.RandomState(0).permutation(len(usable))]
    train, val = (json.loads((out / f"annotations/lspet_{name}.json").read_text()) for name in ("train", "val"))
    assert [image["id"] for image in train["images"]] == order[:6]
    assert [image["id"] for image in val["images"]] == order[6:14]
    assert json.loads((out / "annotations/excluded.json").read_text()) == {
        str(FEW): "fewer_than_8_joints",
        str(OUTSIDE): "joint_outside_image",
    }
    missing = NO_HEAD in order[6:14]
    assert counts == {"dropped": 2, "train": 6, "train_without_lsp_test": 6, "val": 8, "mpii_val": 8 - missing}
    joints = loadmat(archive / "joints.mat")["joints"]
    for annotation in train["annotations"] + val["annotations"]:
        points = np.array(annotation["keypoints"]).reshape(14, 3)
        source = joints[:, :, annotation["id"] - 1]
        assert (points[:, 2] == 2 * source[:, 2]).all()
        np.testing.assert_allclose(points[:, :2], source[:, :2] * source[:, 2:], atol=0.006)
        assert annotation["area"] == pytest.approx(0.53 * annotation["bbox"][2] * annotation["bbox"][3], rel=1e-3)
    for image in train["images"]:
        copied = (out / "images" / image["file_name"]).read_bytes()
        assert copied == (archive / f"images/im{image['id']:05d}.jpg").read_bytes()


def test_mpii_style_agrees_with_coco_style(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    convert(archive, out, num_train=6, num_val=8)
    paths = dict(data_root=str(out), data_prefix=dict(img="images/"), test_mode=True)
    coco = DATASETS.build(
        dict(type="CocoDataset", ann_file="annotations/lspet_val.json", metainfo=dict(from_file=str(METAINFO)), **paths)
    )
    mpii = DATASETS.build(
        dict(
            type="ZeroBasedMpiiDataset",
            ann_file="annotations/lspet_mpii_val.json",
            headbox_file=str(out / "annotations/lspet_mpii_gt_val.mat"),
            **paths,
        )
    )
    persons = {info["img_id"]: info for info in map(coco.get_data_info, range(len(coco)))}
    assert len(mpii) >= 7
    for info in map(mpii.get_data_info, range(len(mpii))):
        twin = persons[info["img_id"]]
        width, height = twin["raw_ann_info"]["bbox"][2:]
        center = np.array(twin["raw_ann_info"]["bbox"][:2]) + (width / 2, height / 2)
        np.testing.assert_allclose(info["bbox_center"][0], center, atol=0.02)
        np.testing.assert_allclose(info["bbox_scale"], max(width, height), atol=0.02)
        np.testing.assert_allclose(info["keypoints"][0, [8, 9]], twin["keypoints"][0, [12, 13]], atol=0.011)
        np.testing.assert_allclose(info["keypoints"][0, 10:16], twin["keypoints"][0, 6:12], atol=0.011)
        assert info["keypoints_visible"][0, 6:8].sum() == 0
        assert info["head_size"].item() == pytest.approx(20.0, abs=0.02)


def test_zip_gives_the_same(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "lspet.zip", "w") as packed:
        for path in archive.rglob("*"):
            packed.write(path, Path("lspet_dataset") / path.relative_to(archive))
    for source, name in ((archive, "a"), (tmp_path / "lspet.zip", "b")):
        convert(source, tmp_path / name, num_train=6, num_val=8)
    for path in (tmp_path / "a/annotations").glob("*.json"):
        assert path.read_text() == (tmp_path / "b/annotations" / path.name).read_text()


def test_errors(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="at least 9000 usable persons, got 14"):
        convert(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out.*"))
    with pytest.raises(ValueError, match="not empty"):
        convert(archive, archive)
    with pytest.raises(ValueError, match="expected joints.mat in"):
        convert(archive / "images", tmp_path / "out")
    with pytest.raises(ValueError, match="folder or zip file"):
        convert(archive / "joints.mat", tmp_path / "out")
    (archive / "images/im00002.jpg").unlink()
    with pytest.raises(ValueError, match=r"lacks 1 files.*im00002.jpg"):
        convert(archive, tmp_path / "out")
    savemat(archive / "joints.mat", {"joints": np.zeros((3, 14, 2))})
    with pytest.raises(ValueError, match=r"\(14, 3, N\)"):
        convert(archive, tmp_path / "out")
    (archive / "joints.mat").write_bytes(b"no matrix" * 50)
    with pytest.raises(ValueError, match=r"joints.mat of .* can't be read"):
        convert(archive, tmp_path / "out")
    assert main(["convert-lspet", str(archive), str(tmp_path / "out")]) == 2
    assert "mmpose-ext convert-lspet: joints.mat of" in capsys.readouterr().err


def test_a_damaged_zip_file(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.write(archive / "joints.mat", "joints.mat")
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[60:80] = bytes(20)
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(ValueError, match=r"a.zip .*"):
        convert(tmp_path / "a.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_metainfo(root: Path) -> None:
    info = Config.fromfile(root / METAINFO).dataset_info
    assert [info.keypoint_info[i].name for i in range(14)] == list(JOINTS)
    assert all(info.keypoint_info[i].swap in ("", *JOINTS) for i in range(14))
    assert len(info.sigmas) == len(info.joint_weights) == 14


def test_real_annotations_follow_the_rules(data: Path, root: Path) -> None:
    folder = data / "lspet"
    reasons = json.loads((folder / "annotations/excluded.json").read_text())
    assert {int(n) for n, why in reasons.items() if why.startswith("near_duplicate")} == NEAR_DUPLICATES
    usable = [number for number in range(1, 10001) if str(number) not in reasons]
    order = np.array(usable)[np.random.RandomState(0).permutation(len(usable))]
    content = json.loads((folder / "annotations/lspet_val.json").read_text())
    assert [image["id"] for image in content["images"]] == order[8000:9000].tolist()
    sizes = {image["id"]: (image["width"], image["height"]) for image in content["images"]}
    for annotation in content["annotations"]:
        points = np.array(annotation["keypoints"]).reshape(14, 3)
        box = person_box(points[points[:, 2] > 0, :2], sizes[annotation["image_id"]])
        np.testing.assert_allclose([*box[:2], *(box[2:] - box[:2])], annotation["bbox"], atol=0.03)
    ours = Config.fromfile(root / METAINFO).dataset_info.to_dict()
    theirs = Config.fromfile(folder / "lspet_metainfo.py").dataset_info.to_dict()
    assert ours == theirs


def test_images_of_lsp_test_are_left_out(data: Path) -> None:
    """One stands in train, the other two in val."""
    for split, there in (("train", {408}), ("val", {1205, 7552})):
        content = json.loads((data / f"lspet/annotations/lspet_{split}.json").read_text())
        rest = without_lsp_test(content)
        for part, key in (("images", "id"), ("annotations", "image_id")):
            before, after = ([one[key] for one in file[part]] for file in (content, rest))
            assert set(before) - set(after) == there == set(IN_LSP_TEST) & set(before)
            assert len(before) - len(after) == len(there)
