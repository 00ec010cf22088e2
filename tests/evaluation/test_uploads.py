"""Files for the servers of COCO test-dev and MPII test, from a few made-up persons and through the configs."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from scipy.io import loadmat, savemat

from mmpose_ext.errors import UnusableFile
from mmpose_ext.evaluation.uploads import check_coco_upload
from mmpose_ext.mpii_release import load_release, single_persons, submission

ROOT = Path(__file__).resolve().parents[2]


def struct(*entries: dict[str, Any]) -> np.ndarray:
    """MATLAB's struct array."""
    result = np.empty((1, len(entries)), [(name, object) for name in entries[0]])
    for index, entry in enumerate(entries):
        for name, value in entry.items():
            result[0, index][name] = value
    return result


def person(x: float, y: float) -> dict[str, Any]:
    return {"scale": 0.3, "objpos": struct({"x": x, "y": y})}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Both sets: a train image, and test images with no, one and two single persons."""
    coco, mpii = tmp_path / "coco", tmp_path / "mpii"
    for folder in (coco / "annotations", coco / "person_detection_results", coco / "test2017", mpii / "images"):
        folder.mkdir(parents=True)
    (mpii / "annotations").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (90, 80, 3), dtype=np.uint8)
    for name in ("001.jpg", "002.jpg", "003.jpg", "004.jpg"):
        cv2.imwrite(str(mpii / "images" / name), pixels)
    for name in ("000000000001.jpg", "000000000007.jpg"):
        cv2.imwrite(str(coco / "test2017" / name), pixels)
    images = [{"id": i, "file_name": f"{i:012d}.jpg", "height": 90, "width": 80} for i in (1, 7)]
    categories = [{"id": 1, "name": "person"}, {"id": 2, "name": "bicycle"}]
    content = {"info": {}, "images": images, "categories": categories}  # as COCO's: no annotations
    (coco / "annotations" / "image_info_test-dev2017.json").write_text(json.dumps(content))
    boxes = [{"image_id": 7, "category_id": 1, "bbox": box, "score": 0.9} for box in ([0, 0, 20, 30], [50, 50, 25, 35])]
    file = coco / "person_detection_results" / "COCO_test-dev2017_detections_AP_H_609_person.json"
    file.write_text(json.dumps(boxes))
    rects = [
        struct(person(1, 1)),
        np.zeros((0, 0)),
        struct(person(40, 50), person(20, 30), person(30, 35)),
        struct(person(45, 55)),
    ]
    annolist = struct(*({"image": struct({"name": f"00{i}.jpg"}), "annorect": rect} for i, rect in enumerate(rects, 1)))
    single = np.empty((4, 1), object)
    single[:, 0] = [np.array([[1]]), np.zeros((0, 0)), np.array([[1], [3]]), np.array([[1]])]
    release = struct({"annolist": annolist, "img_train": np.array([[1, 0, 0, 0]]), "single_person": single})
    savemat(mpii / "annotations" / "mpii_human_pose_v1_u12_1.mat", {"RELEASE": release})
    monkeypatch.setenv("MMPOSE_EXT_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_test(name: str) -> dict[str, float]:
    config = Config.fromfile(ROOT / "configs" / "submission" / f"{name}.py")
    config.test_dataloader.update(num_workers=0, persistent_workers=False)
    config.work_dir = "work"
    config.visualizer.name = name
    return Runner.from_cfg(config).test()


def test_coco(data: Path) -> None:
    assert run_test("coco_test-dev") == {"coco/images": 1, "coco/persons": 2}
    name = "person_keypoints_test-dev2017_mmpose-ext_results"
    with zipfile.ZipFile(data / "work_dirs" / "submission" / f"{name}.zip") as archive:
        assert archive.namelist() == [f"{name}.json"]
        entries = json.loads(archive.read(f"{name}.json"))
    assert {entry["image_id"] for entry in entries} == {7}
    assert all(set(entry) == {"image_id", "category_id", "keypoints", "score"} for entry in entries)
    assert all(len(entry["keypoints"]) == 51 and entry["category_id"] == 1 for entry in entries)
    check_coco_upload(entries, [1, 7])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keypoints": [0.0] * 50}, "17 keypoints, got entry 0"),
        ({"category_id": 2}, "of a person"),
        ({"bbox": [0, 0, 1, 1]}, "of a person"),
        ({"image_id": 3}, "an image of this set, got 3"),
        ({"score": float("nan")}, "finite numbers, got others in entry 0"),
    ],
)
def test_a_file_that_the_server_refuses(change: dict[str, Any], message: str) -> None:
    entry = {"image_id": 1, "category_id": 1, "keypoints": [0.0] * 51, "score": 0.5}
    with pytest.raises(ValueError, match=message):
        check_coco_upload([{**entry, **change}], [1])
    with pytest.raises(ValueError, match="expected persons to upload"):
        check_coco_upload([], [1])


def test_mpii(data: Path) -> None:
    assert run_test("mpii_test") == {"mpii/persons": 3}
    pred = loadmat(data / "work_dirs" / "submission" / "pred_keypoints_mpii.mat")["pred"]
    assert [str(entry["image"][0, 0]["name"][0]) for entry in pred[0]] == ["002.jpg", "003.jpg", "004.jpg"]
    assert pred[0, 0]["annorect"].size == 0
    posed = [rect["annopoints"].size for rect in pred[0, 1]["annorect"][0]]
    assert posed == [1, 0, 1]
    points = pred[0, 1]["annorect"][0, 2]["annopoints"][0, 0]["point"]
    assert points.shape == (1, 16) and [int(p["id"][0, 0]) for p in points[0]] == list(range(16))
    assert -100 < float(points[0, 3]["x"][0, 0]) < 200


def test_joints_count_from_one(data: Path) -> None:
    release = load_release(data / "mpii" / "annotations" / "mpii_human_pose_v1_u12_1.mat")
    persons = single_persons(release)
    assert [(p.image, p.rectangle, p.name, p.center) for p in persons] == [
        (1, 0, "003.jpg", (40.0, 50.0)),
        (1, 2, "003.jpg", (30.0, 35.0)),
        (2, 0, "004.jpg", (45.0, 55.0)),
    ]
    keypoints = np.arange(96, dtype=float).reshape(3, 16, 2)
    points = submission(release, keypoints)[0, 2]["annorect"][0, 0]["annopoints"][0, 0]["point"]
    assert (points[0, 5]["x"], points[0, 5]["y"]) == (keypoints[2, 5, 0] + 1, keypoints[2, 5, 1] + 1)
    with pytest.raises(ValueError, match=r"\(3, 16, 2\), got \(2, 16, 2\)"):
        submission(release, keypoints[:2])


def test_another_mat_file(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"headboxes_src": np.zeros((2, 2))})
    with pytest.raises(UnusableFile, match="expected MPII's mpii_human_pose_v1_u12_1.mat, got .*a.mat"):
        load_release(tmp_path / "a.mat")
