"""The synthetic persons: same bytes, right labels, all or nothing."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmpose.registry import DATASETS

from mmpose_ext.datasets.synthetic import writer
from mmpose_ext.datasets.synthetic.poses import KINDS, sample_pose
from mmpose_ext.datasets.synthetic.scene import render_scene
from mmpose_ext.datasets.synthetic.skeleton import KEYPOINT_NAMES, Build, Pose, articulate
from mmpose_ext.datasets.synthetic.writer import Settings, ensure_dataset
from mmpose_ext.toolbox.cli import main

SETTINGS = Settings(num_persons=12, seed=3)


def digest(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synthetic") / "set"
    assert ensure_dataset(out, SETTINGS, workers=0)
    return out


def test_bytes_do_not_depend_on_the_number_of_workers(folder: Path, tmp_path: Path) -> None:
    assert ensure_dataset(tmp_path / "set", SETTINGS, workers=2)
    assert digest(tmp_path / "set") == digest(folder)


def test_another_seed_gives_other_pictures(folder: Path, tmp_path: Path) -> None:
    ensure_dataset(tmp_path / "set", Settings(num_persons=12, seed=4), workers=0)
    assert digest(tmp_path / "set")["images/000001.jpg"] != digest(folder)["images/000001.jpg"]


def test_annotations_are_sound(folder: Path) -> None:
    content = json.loads((folder / "annotations.json").read_text())
    sizes = {image["id"]: (image["width"], image["height"]) for image in content["images"]}
    annotations = content["annotations"]
    assert len(annotations) == 12
    assert len({annotation["id"] for annotation in annotations}) == 12
    assert {annotation["image_id"] for annotation in annotations} == set(sizes)
    assert content["categories"][0]["keypoints"] == list(KEYPOINT_NAMES)
    for image in content["images"]:
        assert cv2.imread(str(folder / "images" / image["file_name"])).shape[1::-1] == sizes[image["id"]]
    for annotation in annotations:
        points = np.array(annotation["keypoints"]).reshape(17, 3)
        seen = points[:, 2] > 0
        assert set(points[:, 2]) <= {0, 1, 2}
        assert annotation["num_keypoints"] == seen.sum() >= 5
        assert (points[~seen] == 0).all()
        assert (points[seen, :2] >= 0).all() and (points[seen, :2] < sizes[annotation["image_id"]]).all()
        x, y, width, height = annotation["bbox"]
        assert x >= 0 and y >= 0
        assert x + width <= sizes[annotation["image_id"]][0] and y + height <= sizes[annotation["image_id"]][1]
        assert 0 < annotation["area"] <= width * height
        assert annotation["iscrowd"] == 0


def test_visible_points_lie_in_the_box_of_visible_pixels() -> None:
    for seed in range(6):
        _, labels = render_scene(np.random.default_rng(seed), 2)
        for label in labels:
            x, y, width, height = label.box
            points = label.keypoints[label.keypoints[:, 2] == 2][:, :2]
            slack = 3 + 0.05 * max(width, height)
            assert (points > (x - slack, y - slack)).all() and (points < (x + width + slack, y + height + slack)).all()


def test_left_is_left() -> None:
    front, back = (articulate(Pose(yaw=yaw), Build()).joints for yaw in (0.0, 180.0))
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
        assert front[f"left_{part}"][0] > front[f"right_{part}"][0]  # facing us: own left is the image's right
        assert back[f"left_{part}"][0] < back[f"right_{part}"][0]


def test_joints_bend_the_human_way() -> None:
    joints = articulate(Pose(knee=[90.0, 0.0], elbow=[90.0, 0.0], shoulder=[(0, 0, 0), (170, 0, 0)]), Build()).joints
    assert joints["left_ankle"][2] > joints["left_knee"][2] + 0.3  # a bent knee: the foot goes back, away from us
    assert joints["left_wrist"][2] < joints["left_elbow"][2] - 0.2  # a bent elbow: the hand comes forward
    assert joints["right_wrist"][1] < joints["neck"][1]  # a raised arm; y points down


@pytest.mark.parametrize("kind", [kind for kind, _ in KINDS], ids=lambda kind: kind.__name__)
def test_bones_keep_their_length(kind) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        joints = articulate(kind(rng), Build()).joints
        for side in ("left", "right"):
            for start, end, length in (
                ("shoulder", "elbow", 0.285),
                ("elbow", "wrist", 0.25),
                ("hip", "knee", 0.42),
                ("knee", "ankle", 0.41),
            ):
                bone = joints[f"{side}_{end}"] - joints[f"{side}_{start}"]
                assert np.linalg.norm(bone) == pytest.approx(length)


def test_mirroring_twice_changes_nothing() -> None:
    pose = sample_pose(np.random.default_rng(0))
    assert pose.mirrored() != pose
    assert pose.mirrored().mirrored() == pose


def test_the_views_show_what_they_can(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[float, list[np.ndarray]] = {0.0: [], 180.0: []}
    for yaw, labels in seen.items():
        monkeypatch.setattr("mmpose_ext.datasets.synthetic.scene.sample_pose", lambda rng, yaw=yaw: Pose(yaw=yaw))
        for seed in range(10):
            labels += [label.keypoints[:, 2] for label in render_scene(np.random.default_rng(seed), 1)[1]]
    assert all((labels[:3] == 0).all() for labels in seen[180.0])  # no nose, no eyes from behind
    assert np.mean([labels[:3] == 2 for labels in seen[0.0]]) > 0.5


def test_an_interrupted_run_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def fail(*args: object) -> None:
        nonlocal calls
        calls += 1
        if calls > 2:
            raise KeyboardInterrupt
        return render_scene(*args)

    monkeypatch.setattr(writer, "render_scene", fail)
    with pytest.raises(KeyboardInterrupt):
        ensure_dataset(tmp_path / "set", SETTINGS, workers=0)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
    monkeypatch.undo()
    assert ensure_dataset(tmp_path / "set", Settings(num_persons=2), workers=0)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["set"]


def _ensure(folder: Path) -> bool:
    return ensure_dataset(folder, Settings(num_persons=6), workers=0)


def test_two_processes_write_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    together = context.Barrier(2)  # without it one process may have done both jobs
    with context.Pool(2, initializer=together.wait) as pool:
        assert sorted(pool.map(_ensure, [tmp_path / "set"] * 2, chunksize=1)) == [False, True]


def test_other_settings_and_foreign_folders_are_refused(folder: Path, tmp_path: Path) -> None:
    assert not ensure_dataset(folder, SETTINGS)
    with pytest.raises(ValueError, match=r"'num_persons': 12.*'num_persons': 13.*Delete the folder"):
        ensure_dataset(folder, Settings(num_persons=13, seed=3))
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(ValueError, match="not written by the synthetic generator"):
        ensure_dataset(tmp_path, SETTINGS)
    for wrong in ({"num_persons": 0}, {"seed": -1}):
        with pytest.raises(ValueError, match="has to be at least"):
            Settings(**wrong)


def test_dataset_generates_on_first_use(tmp_path: Path) -> None:
    config = dict(type="SyntheticPersonDataset", data_root=str(tmp_path / "a/set"), test_mode=True, workers=0)
    dataset = DATASETS.build(dict(config, generate=dict(num_persons=3, seed=1), lazy_init=True))
    assert not (tmp_path / "a").exists()
    dataset.full_init()
    assert len(dataset) == 3
    assert dataset.metainfo["dataset_name"] == "synthetic_person"
    assert dataset.metainfo["num_keypoints"] == 17
    with pytest.raises(ValueError, match="was generated with"):
        DATASETS.build(dict(config, generate=dict(num_persons=3, seed=2)))
    with pytest.raises(ValueError, match="generate has to be"):
        DATASETS.build(dict(config, generate=dict(persons=3)))


def test_truth_scores_ap_one(folder: Path) -> None:
    dataset = DATASETS.build(
        dict(
            type="SyntheticPersonDataset",
            data_root=str(folder),
            generate=dict(num_persons=SETTINGS.num_persons, seed=SETTINGS.seed),
            test_mode=True,
        )
    )
    evaluator = Evaluator([dict(type="CocoMetric")])
    evaluator.dataset_meta = dataset.metainfo
    for info in (dataset.get_data_info(index) for index in range(len(dataset))):
        predicted = dict(keypoints=info["keypoints"], keypoint_scores=np.ones((1, 17)))
        truth = dict(bbox_scores=np.ones(1), bbox_scales=np.ones((1, 2)) * 100)
        sample = dict(id=info["id"], img_id=info["img_id"], pred_instances=predicted, gt_instances=truth)
        evaluator.process([sample])
    assert evaluator.evaluate(len(dataset))["coco/AP"] == pytest.approx(1.0)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["synthetic", str(tmp_path / "set"), "--persons", "2", "--workers", "0"]
    assert main([*line, "--preview", str(tmp_path / "preview.jpg")]) == 0
    assert "2 persons, rendered" in capsys.readouterr().out
    assert cv2.imread(str(tmp_path / "preview.jpg")).std() > 1
    assert main([*line, "--seed", "1"]) == 2
    assert "was generated with" in capsys.readouterr().err
