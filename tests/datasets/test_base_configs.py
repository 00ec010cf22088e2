"""The data set bases: sizes agree, one variable moves all paths, scores do not collide."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmpose.registry import DATASETS, KEYPOINT_CODECS

from mmpose_ext.toolbox.leeds.lspet import without_lsp_test
from mmpose_ext.toolbox.leeds.person import write_json

FOLDER = Path(__file__).resolve().parents[2] / "configs/_base_/datasets"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if "metainfo" not in path.stem)


@pytest.mark.parametrize("name", NAMES)
def test_sizes_agree(name: str, tmp_path: Path) -> None:
    config = Config.fromfile(FOLDER / f"{name}.py")
    height, width = (int(part) for part in name.rsplit("_", 1)[1].split("x"))
    assert config.codec.input_size == (width, height)
    KEYPOINT_CODECS.build(config.codec)
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        affine = [step for step in loader.dataset.pipeline if step.type.endswith("TopdownAffine")]
        assert [step.input_size for step in affine] == [(width, height)]
        assert [step.get("use_udp", False) for step in affine] == [config.codec.type == "UDPHeatmap"]
    targets = [step for step in config.train_dataloader.dataset.pipeline if step.type == "GenerateTarget"]
    assert [step.encoder for step in targets] == [config.codec]
    if config.codec.type != "SimCCLabel":
        stride = 2 if "stride2" in name else 4
        assert config.codec.heatmap_size == (width // stride, height // stride)
        if config.codec.type != "MultiSigmaHeatmap":  # one sigma for each predictor, from the paper
            by_size = {(72, 96): 3, (128, 128): 4}.get(config.codec.heatmap_size, 2)
            assert config.codec.sigma == (1.5 if name == "lsp_128x96" else by_size)
    assert (config.val_dataloader == config.test_dataloader) is not name.startswith("lsp_")
    if name in ("coco_ssn_256x192", "lsp_128x96"):  # formatting one takes seconds
        config.dump(tmp_path / "dumped.py")
        assert Config.fromfile(tmp_path / "dumped.py")._cfg_dict == config._cfg_dict


@pytest.mark.parametrize("name", NAMES)
def test_one_variable_moves_all_paths(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMPOSE_EXT_DATA", "/elsewhere")
    text = str(Config.fromfile(FOLDER / f"{name}.py")._cfg_dict)
    assert "/elsewhere/" in text
    assert "data/" not in text.replace("/elsewhere/", "")


def test_lspet_scores_do_not_collide(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMPOSE_EXT_DATA", str(data))
    config = Config.fromfile(FOLDER / "lspet_256x192.py")
    dataset = DATASETS.build(config.val_dataloader.dataset)
    evaluator = Evaluator(config.val_evaluator)
    evaluator.dataset_meta = dataset.metainfo
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        size = np.ptp(info["bbox"].reshape(2, 2), axis=0).max()
        truth = dict(
            keypoints=info["keypoints"],
            keypoints_visible=info["keypoints_visible"],
            bboxes=info["bbox"],
            bbox_scores=np.ones(1),
            bbox_scales=np.full((1, 2), size),
        )
        shift = np.array([0.15 * size, 0.0]) * (index % 2)  # every second person is off by 0.15 of the box
        predicted = dict(keypoints=info["keypoints"] + shift, keypoint_scores=np.ones((1, 14)))
        evaluator.process([dict(info, pred_instances=predicted, gt_instances=truth)])
    scores = evaluator.evaluate(len(dataset))
    assert list(scores)[0] == "coco/AP"  # what `save_best='auto'` takes
    assert scores["PCK@0.2 of the box/PCK"] == pytest.approx(1.0)
    assert scores["PCK@0.1 of the box/PCK"] == pytest.approx(0.5, abs=0.02)
    assert 50 < scores["torso/PCK@0.2"] < 60  # 0.15 of the box is more than 0.2 of almost every torso
    assert scores["coco/AP"] < 0.8


@pytest.mark.parametrize(
    ("name", "folder", "count"),
    [
        ("coco_256x192", "coco_sample", (12, 118)),
        ("mpii_256x256", "mpii_sample", (5, 5)),
        ("lspet_mpii_256x256", "lspet", (8000, 780)),
    ],
)
def test_real_samples(
    name: str, folder: str, count: tuple[int, int], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / folder.removesuffix("_sample")).symlink_to(data / folder)
    monkeypatch.setenv("MMPOSE_EXT_DATA", str(tmp_path))
    config = Config.fromfile(FOLDER / f"{name}.py")
    for loader, expected in zip((config.train_dataloader, config.val_dataloader), count, strict=True):
        dataset = DATASETS.build(loader.dataset)
        assert len(dataset) == expected
        assert tuple(dataset[0]["inputs"].shape[1:]) == config.codec.input_size[::-1]


def test_lsp_trains_on_both_sets_and_tests_on_lsp(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lsp").symlink_to(data / "lsp")
    (tmp_path / "lspet/annotations").mkdir(parents=True)
    (tmp_path / "lspet/images").symlink_to(data / "lspet/images")
    (tmp_path / "lspet/annotations/lspet_val.json").symlink_to(data / "lspet/annotations/lspet_val.json")
    content = without_lsp_test(json.loads((data / "lspet/annotations/lspet_train.json").read_text()))
    write_json(tmp_path / "lspet/annotations/lspet_train_without_lsp_test.json", content)
    monkeypatch.setenv("MMPOSE_EXT_DATA", str(tmp_path))
    config = Config.fromfile(FOLDER / "lsp_128x96.py")
    train, val, test = (DATASETS.build(config[f"{split}_dataloader"].dataset) for split in ("train", "val", "test"))
    assert (len(train), len(val), len(test)) == (8999, 1000, 1000)
    assert [Path(train.get_data_info(i)["img_path"]).parents[1].name for i in (0, 7998, 7999, 8998)] == [
        *("lspet", "lspet", "lsp", "lsp")
    ]
    sample = train[8000]
    assert tuple(sample["inputs"].shape) == (3, 128, 96)
    assert tuple(sample["data_samples"].gt_fields.heatmaps.shape) == (14, 32, 24)
    evaluator = Evaluator(config.test_evaluator)
    evaluator.dataset_meta = test.metainfo
    for index in range(20):
        info = test.get_data_info(index)
        truth = {key: info[key] for key in ("keypoints", "keypoints_visible")} | {"bboxes": info["bbox"]}
        evaluator.process([dict(pred_instances=dict(keypoints=info["keypoints"]), gt_instances=truth)])
    scores = evaluator.evaluate(20)
    assert next(iter(scores.items())) == ("torso/PCK@0.2", 100)  # what `save_best='auto'` takes
    assert scores["PCK@0.2 of the box/PCK"] == pytest.approx(1)
