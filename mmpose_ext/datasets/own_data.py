"""From a checked COCO-style file to what MMPose needs: metainfo and a config of one of our models.

Shapes: K key points.

Deviations: none (no paper).
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmpose_ext.datasets.coco_check import Report, flip_pairs

__all__ = ["SIGMAS", "config_text", "metainfo_text", "split"]

SIGMAS = {
    "nose": 0.026,
    "eye": 0.025,
    "ear": 0.035,
    "shoulder": 0.079,
    "elbow": 0.072,
    "wrist": 0.062,
    "hip": 0.107,
    "knee": 0.087,
    "ankle": 0.089,
}
"""COCO's, by the part of the body in a name."""
USUAL_SIGMA = 0.067
"""Mean of COCO's, where a name is not among them."""


def split(content: Mapping[str, Any], *, share: float, seed: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split a file by images.

    Args:
        content: COCO-style.
        share: Part of the images for validation.
        seed: Of the choice.

    Returns:
        For training and for validation; the latter has one image at least.

    Raises:
        ValueError: If there are fewer than two images with annotations.
    """
    used = {annotation["image_id"] for annotation in content["annotations"]}
    ids = [image["id"] for image in content["images"] if image["id"] in used]
    if len(ids) < 2 or not 0 < share < 1:
        raise ValueError(f"expected two images at least and a share between 0 and 1, got {len(ids)} and {share}")
    random.Random(seed).shuffle(ids)
    number = min(len(ids) - 1, max(1, round(share * len(ids))))
    parts = []
    for chosen in (set(ids[number:]), set(ids[:number])):
        images = [image for image in content["images"] if image["id"] in chosen]
        annotations = [annotation for annotation in content["annotations"] if annotation["image_id"] in chosen]
        parts.append({**content, "images": images, "annotations": annotations})
    return parts[0], parts[1]


def metainfo_text(name: str, report: Report) -> str:
    """A metainfo file.

    Args:
        name: Of the data set.
        report: What the check found.
    """
    pairs = flip_pairs(report.keypoints)
    lines = [f'"""Key points of {name}: flip pairs by name, sigmas of COCO where a name is known there."""', ""]
    lines += ["dataset_info = dict(", f"    dataset_name={json.dumps(name)},", "    paper_info=dict(),"]
    lines += ["    keypoint_info={"]
    for i, keypoint in enumerate(report.keypoints):
        other = pairs.get(keypoint, "")
        color = [51, 153, 255] if not other else [0, 255, 0] if keypoint < other else [255, 128, 0]
        entry = f'name={json.dumps(keypoint)}, id={i}, color={color}, type="", swap={json.dumps(other)}'
        lines.append(f"        {i}: dict({entry}),")
    lines += ["    },", "    skeleton_info={"]
    for i, link in enumerate(report.skeleton):
        ends = ", ".join(json.dumps(report.keypoints[end]) for end in link)
        lines.append(f"        {i}: dict(link=({ends}), id={i}, color=[0, 255, 0]),")
    lines += ["    },", f"    joint_weights=[1.0] * {len(report.keypoints)},"]
    lines += [f"    sigmas={[sigma(keypoint) for keypoint in report.keypoints]},", ")"]
    return "\n".join(lines) + "\n"


def sigma(keypoint: str) -> float:
    """COCO's sigma of a key point.

    Args:
        keypoint: Its name.
    """
    return next((value for part, value in SIGMAS.items() if part in keypoint.lower()), USUAL_SIGMA)


def config_text(name: str, base: Path, *, keypoints: int, folder: Path, images: Path, epochs: int | None = None) -> str:
    """A config that trains a model on the data.

    Args:
        name: Of the data set.
        base: Config of the model, for any data set.
        keypoints: K.
        folder: Where metainfo and annotations are.
        images: Folder of the images.
        epochs: Length of the training; None keeps that of the model.

    Raises:
        ValueError: If the model says nowhere how many key points it has.
    """
    config = Config.fromfile(base)
    places = dict.fromkeys(_places(config.model))
    if not places:
        raise ValueError(f"expected a model with out_channels or num_keypoints, got {base}")
    lines = [f'"""{base.stem}, on {name}."""', "", f"_base_ = [{json.dumps(str(base.resolve()))}]", ""]
    lines += [f"images, folder = {json.dumps(str(images))}, {json.dumps(str(folder))}"]
    lines += ['metainfo = dict(from_file=folder + "/metainfo.py")', 'dataset_type = "CocoDataset"', ""]
    changes: dict[str, Any] = {}
    for place in places:
        inner = changes
        for key in place[:-1]:
            inner = inner.setdefault(key, {})
        inner[place[-1]] = keypoints
    lines += [f"model = {_call(changes)}"]
    steps = {
        loader: [dict(step) for step in config[loader].dataset.pipeline]
        for loader in ("train_dataloader", "val_dataloader")
    }
    for loader, part in (("train_dataloader", "train"), ("val_dataloader", "val")):
        text = json.dumps(_simple(steps[loader]), indent=4)
        text = text.replace(": true", ": True").replace(": false", ": False").replace(": null", ": None")
        lines += [f"{part}_pipeline = {text}"]
        lines += [f"{loader} = dict(", "    dataset=dict(", "        _delete_=True,", '        type="CocoDataset",']
        lines += ['        data_mode="topdown",', "        metainfo=metainfo,", '        data_root="",']
        lines += [f'        ann_file=folder + "/{part}.json",', '        data_prefix=dict(img=images + "/"),']
        lines += ["        test_mode=True,"] if part == "val" else []
        lines += [f"        pipeline={part}_pipeline,", "    ),", ")"]
    lines += ["test_dataloader = val_dataloader"]
    lines += ['val_evaluator = dict(_delete_=True, type="FastCocoMetric", ann_file=folder + "/val.json")']
    lines += ["test_evaluator = val_evaluator"]
    lines += [f"train_cfg = dict(max_epochs={epochs})"] if epochs else []
    return "\n".join(lines) + "\n"


def _places(model: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Where a model says its number of key points: the head's `out_channels`, and `num_keypoints` anywhere."""
    head = model.get("head") or {}
    if "out_channels" in head:
        yield ("head", "out_channels")
    for key, value in model.items():
        if isinstance(value, Mapping):
            yield from ((key, *rest) for rest in _named(value))


def _named(part: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for key, value in part.items():
        if key == "num_keypoints":
            yield (key,)
        elif isinstance(value, Mapping):
            yield from ((key, *rest) for rest in _named(value))


def _call(changes: Mapping[str, Any]) -> str:
    parts = [f"{k}={_call(v) if isinstance(v, Mapping) else v}" for k, v in changes.items()]
    return f"dict({', '.join(parts)})"


def _simple(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _simple(one) for key, one in value.items()}
    return [_simple(one) for one in value] if isinstance(value, Sequence) and not isinstance(value, str) else value
