"""pycocotools stands in for xtcocotools where that is missing, and for its compiled part where that does not load."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import warnings
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pycocotools._mask
import pytest

from mmpose_ext.compat import extended_coco, xtcocotools_modules

original = pytest.mark.skipif(xtcocotools_modules.is_supplied(), reason="xtcocotools is not installed")


def test_it_stands_in_on_a_failing_import(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(module: ModuleType) -> None:
        raise ValueError("numpy.dtype size changed, may indicate binary incompatibility")

    monkeypatch.setitem(sys.modules, "xtcocotools._mask", ModuleType("xtcocotools._mask"))
    xtcocotools_modules._run(fail, sys.modules["xtcocotools._mask"])
    assert sys.modules["xtcocotools._mask"] is pycocotools._mask


def test_it_leaves_a_working_module_alone() -> None:
    module = ModuleType("a_module_of_this_test")
    xtcocotools_modules._run(lambda module: setattr(module, "executed", True), module)
    assert module.executed
    assert module.__name__ not in sys.modules


def test_the_original_error_is_raised_without_pycocotools(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(module: ModuleType) -> None:
        raise ValueError("numpy.dtype size changed")

    monkeypatch.setitem(sys.modules, "pycocotools._mask", None)  # an import of it fails now
    with pytest.raises(ValueError, match="size changed"):
        xtcocotools_modules._run(fail, ModuleType("xtcocotools._mask"))


@original
def test_the_masks_agree() -> None:
    import xtcocotools._mask

    masks = np.asfortranarray(np.random.default_rng(0).integers(0, 2, (9, 7, 3)), dtype=np.uint8)
    theirs, ours = xtcocotools._mask, pycocotools._mask
    assert theirs.encode(masks) == ours.encode(masks)
    encoded = ours.encode(masks)
    np.testing.assert_array_equal(theirs.decode(encoded), masks)
    np.testing.assert_array_equal(theirs.area(encoded), ours.area(encoded))
    np.testing.assert_array_equal(theirs.toBbox(encoded), ours.toBbox(encoded))
    np.testing.assert_array_equal(theirs.iou(encoded, encoded, [0] * 3), ours.iou(encoded, encoded, [0] * 3))
    assert theirs.merge(encoded) == ours.merge(encoded)
    polygons = [[1.0, 1.0, 5.0, 1.0, 5.0, 5.0]]
    assert theirs.frPyObjects(polygons, 9, 7) == ours.frPyObjects(polygons, 9, 7)


PARTS = {"keypoints": 17, "foot_kpts": 6, "face_kpts": 68, "lefthand_kpts": 21, "righthand_kpts": 21}
KINDS = [
    "keypoints",
    "keypoints_crowd",
    *(f"keypoints_{p}" for p in "body foot face lefthand righthand wholebody".split()),
]


def some_persons(rng: np.random.Generator, *, first_id: int) -> tuple[dict, list[dict]]:
    """Annotations of 12 images and detections near them, some of nobody, without keypoints or without part scores."""
    images = [dict(id=i, crowdIndex=float(i % 4) / 3) for i in range(12)]
    annotations, detections = [], []
    for image in images:
        for _ in range(rng.integers(0, 5)):
            x, y, width, height = rng.uniform(0, 200, 2).tolist() + rng.uniform(20, 160, 2).tolist()
            person = dict(id=len(annotations) + first_id, image_id=image["id"], category_id=1, iscrowd=0)
            person |= dict(bbox=[x, y, width, height], area=width * height * rng.uniform(0.4, 0.6))
            found = dict(image_id=image["id"], category_id=1, score=float(rng.choice([0.3, 0.6, rng.uniform()])))
            for name, count in PARTS.items():
                points = rng.uniform([x, y], [x + width, y + height], (count, 2))
                visible = rng.integers(0, 3, count) * (rng.uniform() > 0.15)
                person[name] = np.column_stack([points * (visible > 0)[:, None], visible]).ravel().tolist()
                noise = rng.normal(0, 0.02 * width * rng.choice([0.3, 1, 4]), (count, 2))
                seen = rng.uniform(0.1, 1, count) * (rng.uniform() > 0.1)
                found[name] = np.column_stack([points + noise, seen]).ravel().tolist()
                found[name.replace("_kpts", "_score").replace("keypoints", "wholebody_score")] = float(rng.uniform())
            person["num_keypoints"] = int(rng.integers(0, 3))
            annotations.append(person)
            detections += [found] * int(rng.integers(0, 3))
    del detections[2]["foot_score"]
    annotations[3]["iscrowd"] = 1
    return dict(images=images, annotations=annotations, categories=[dict(id=1, name="person")]), detections


@original
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("use_area", [True, False])
def test_the_evaluations_agree(kind: str, use_area: bool, tmp_path: Path) -> None:
    import xtcocotools.coco
    import xtcocotools.cocoeval

    lengths = dict(foot=6, face=68, lefthand=21, righthand=21, wholebody=133)
    rng = np.random.default_rng(KINDS.index(kind))
    sigmas = rng.uniform(0.02, 0.1, lengths.get(kind.partition("_")[2], 17)).astype(np.float32)
    truth, found = some_persons(rng, first_id=int(use_area))
    file = tmp_path / "truth.json"
    file.write_text(json.dumps(truth))
    results = []
    for library in (SimpleNamespace(coco=extended_coco, cocoeval=extended_coco), xtcocotools):
        annotations = library.coco.COCO(str(file))
        detections = annotations.loadRes(copy.deepcopy(found))
        if library is xtcocotools:  # it opens the file of the detections again, if only to look at its name
            annotations.anno_file = [str(file), ""]
        evaluation = library.cocoeval.COCOeval(annotations, detections, kind, sigmas, use_area)
        evaluation.params.useSegm = None
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*_score' not found")
            evaluation.evaluate()
            evaluation.accumulate()
            precision = evaluation.eval["precision"]
            evaluation.summarize()
        results.append((precision, evaluation.eval["recall"], evaluation.stats))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert 0.05 < results[0][2][0] < 0.95  # neither nothing nor everything was found


def test_no_detections() -> None:
    truth, _ = some_persons(np.random.default_rng(0), first_id=1)
    annotations = extended_coco.COCO(ann_data=truth)
    evaluation = extended_coco.COCOeval(annotations, annotations.loadRes([]))
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] == 0


def test_selected_keypoints() -> None:
    truth = dict(images=[dict(id=1)], annotations=[dict(id=1, image_id=1, category_id=1, keypoints=[*range(9)])])
    annotations = extended_coco.COCO(ann_data=truth, test_index=[2, 0])
    assert annotations.anns[1]["keypoints"] == [6, 7, 8, 0, 1, 2]


def test_it_is_found_where_xtcocotools_is_missing() -> None:
    program = """
import importlib.machinery, sys
import mmpose_ext
find = importlib.machinery.PathFinder.find_spec
importlib.machinery.PathFinder.find_spec = classmethod(
    lambda cls, name, *rest: None if name.startswith("xtcocotools") else find(name, *rest)
)
import xtcocotools.mask
from xtcocotools.coco import COCO
from xtcocotools.cocoeval import COCOeval
print(COCO.__module__, COCOeval.__module__, len(xtcocotools.mask.encode.__name__))
"""
    printed = subprocess.check_output([sys.executable, "-c", program], text=True)
    assert printed.split() == ["mmpose_ext.compat.extended_coco"] * 2 + ["6"]
