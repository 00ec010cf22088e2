"""MMPose's data sets name the file that is broken, and its tools say so in one line."""

from __future__ import annotations

import functools
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from mmpose.datasets.datasets.body import CocoDataset
from mmpose.datasets.transforms import LoadImage
from mmpose.evaluation.metrics import CocoMetric

from mmpose_ext.compat.tool_errors import line_of
from mmpose_ext.errors import UnusableFile
from mmpose_ext.evaluation import FastCocoMetric
from mmpose_ext.image_file import UnreadableImage, read_image
from tests.tiny import write_data


def test_images(tmp_path: Path) -> None:
    write_data(tmp_path, count=2)
    good, cut = tmp_path / "001.jpg", tmp_path / "002.jpg"
    assert np.array_equal(LoadImage().transform({"img_path": str(good)})["img"], read_image(good))
    cut.write_bytes(cut.read_bytes()[:-400])
    for path in (cut, tmp_path / "missing.jpg"):
        with pytest.raises(UnreadableImage, match=path.name):
            LoadImage().transform({"img_path": str(path)})
    assert LoadImage(ignore_empty=True).transform({"img_path": str(tmp_path / "missing.jpg")}) is None
    pixels = np.zeros((2, 3, 3), np.uint8)
    assert LoadImage().transform({"img": pixels})["ori_shape"] == (2, 3)


class Pixels(torch.utils.data.Dataset):
    """Fails in a worker."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> dict:
        return LoadImage().transform({"img_path": "broken.jpg"})


def test_an_error_in_a_worker_is_one_line() -> None:
    with pytest.raises(UnreadableImage) as found:
        list(torch.utils.data.DataLoader(Pixels(), num_workers=1))
    assert "Traceback" in str(found.value) and line_of(found.value) == "there is no file broken.jpg"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("keypoints", [1, 2, 2] * 16),
        ("keypoints", ["x"] * 51),
        ("keypoints", [float("nan")] * 51),
        ("bbox", [0, 0, float("nan"), 2]),
        ("area", float("inf")),
        ("bbox", None),
        ("iscrowd", [0]),
        ("id", [1]),
        ("num_keypoints", "1"),
    ],
)
def test_annotations(place: str, value: object, tmp_path: Path) -> None:
    write_data(tmp_path, count=2)
    path = tmp_path / "people.json"
    content = json.loads(path.read_text())
    assert len(CocoDataset(ann_file=str(path), data_mode="topdown")) == 2
    content["annotations"][1][place] = value
    path.write_text(json.dumps(content))
    with pytest.raises(UnusableFile, match=r"expected annotations, .*people.json can't be used \(\w+"):
        CocoDataset(ann_file=str(path), data_mode="topdown")


def test_annotations_that_fail_later(tmp_path: Path) -> None:
    write_data(tmp_path, count=2)
    path = tmp_path / "people.json"
    content = json.loads(path.read_text())
    content["categories"][0]["keypoints"][2] = functools.reduce(lambda inner, _: [inner], range(900), [])
    path.write_text(json.dumps(content))
    with pytest.raises(UnusableFile, match=r"people.json can't be used \(RecursionError"):
        CocoDataset(ann_file=str(path), data_mode="topdown")
    write_data(tmp_path, count=2)
    content = json.loads(path.read_text())
    del content["annotations"][1]["area"]
    path.write_text(json.dumps(content))
    for metric in (CocoMetric(ann_file=str(path)), FastCocoMetric(ann_file=str(path))):
        dataset = CocoDataset(ann_file=str(path), data_mode="topdown")
        metric.dataset_meta = dataset.metainfo
        for person in dataset:
            found = dict(keypoints=person["keypoints"], keypoint_scores=np.ones((1, 17), np.float32))
            sample = dict(
                id=person["id"], img_id=person["img_id"], category_id=1, gt_instances={}, pred_instances=found
            )
            sample["pred_instances"] |= dict(bboxes=person["bbox"], bbox_scores=np.ones(1, np.float32))
            metric.process([], [sample])
        with pytest.raises(UnusableFile, match=r"people.json can't be used \(KeyError: 'area'"):
            metric.evaluate(size=2)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (UnusableFile("a.json is\n broken"), "a.json is broken"),
        (pickle.UnpicklingError("a.pth"), "a.pth"),
        (OSError(28, "No space left on device", "a.pth"), "a.pth: No space left on device"),
        (FileNotFoundError("a.pth can not be found."), "a.pth can not be found."),
        (KeyboardInterrupt(), "stopped"),
        (ValueError("a fault of the program"), None),
        (KeyError("x"), None),
    ],
)
def test_lines(error: BaseException, line: str | None) -> None:
    assert line_of(error) == line
