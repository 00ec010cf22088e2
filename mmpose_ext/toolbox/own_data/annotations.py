"""From a checked COCO-style file to what MMPose needs: files for training and validation, and metainfo.

Shapes: K keypoints.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from typing import Any

from mmpose_ext.toolbox.own_data.check import Report
from mmpose_ext.toolbox.own_data.keypoint_names import flip_pairs, sigma
from mmpose_ext.toolbox.own_data.person import AREA_OF_BOX

__all__ = ["labeled_persons", "metainfo_text", "plain_name", "repaired", "split"]


def repaired(report: Report) -> dict[str, Any]:
    """The usable part of a file, with all fields that COCO's evaluation reads.

    Args:
        report: What the check found.

    Returns:
        COCO-style content: one category, its annotations without an error and the images without one.
    """
    free = 1 + max((annotation["id"] for annotation in report.annotations), default=0)
    annotations = []
    for annotation in report.annotations:
        _, _, width, height = annotation["bbox"]
        given = {key: value for key, value in annotation.items() if value is not None}
        filled = {"iscrowd": 0, "area": AREA_OF_BOX * width * height, **given}
        filled["num_keypoints"] = sum(v > 0 for v in annotation["keypoints"][2::3])
        filled["id"] = annotation["id"] or free  # COCO's evaluation takes 0 for "none"
        annotations.append(filled)
    return {"images": list(report.images), "annotations": annotations, "categories": [dict(report.category)]}


def labeled_persons(content: Mapping[str, Any]) -> int:
    """Number of persons that a network learns from: with a labeled keypoint, and no crowd.

    Args:
        content: What :func:`repaired` returned.
    """
    return sum(one["num_keypoints"] > 0 and not one["iscrowd"] for one in content["annotations"])


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
        raise ValueError(
            "a split expects two images with annotations at least and a share between 0 and 1, got "
            f"{len(ids)} and {share}; another file for validation can be given with --val"
        )
    random.Random(seed).shuffle(ids)
    number = min(len(ids) - 1, max(1, round(share * len(ids))))
    parts = []
    for chosen in (set(ids[number:]), set(ids[:number])):
        images = [image for image in content["images"] if image["id"] in chosen]
        annotations = [annotation for annotation in content["annotations"] if annotation["image_id"] in chosen]
        parts.append({**content, "images": images, "annotations": annotations})
    return parts[0], parts[1]


def plain_name(name: str) -> str:
    """A name without what would end a text in a Python file, or name another folder.

    Args:
        name: E.g. that of a file.
    """
    return re.sub(r"[^\w.-]+", "_", name)


def metainfo_text(name: str, report: Report) -> str:
    """A metainfo file.

    Args:
        name: Of the data set.
        report: What the check found.
    """
    pairs, name = flip_pairs(report.keypoints), plain_name(name)
    lines = [f'"""Keypoints of {name}: flip pairs by name, sigmas of COCO where a name is known there."""', ""]
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
