"""Converts Leeds Sports Pose Extended (LSPET) to COCO's and MPII's formats, with a fixed split.

Johnson and Everingham, "Learning Effective Human Pose Estimation from Inaccurate Annotation", CVPR 2011
(http://sam.johnson.io/research/lspet.html). The archive holds `joints.mat` and 10,000 images `im00001.jpg` ...

Rules:

- The third row of `joints.mat` says *labeled* (1) or not (0), never hidden: visibility is 2 or 0.
- Dropped: persons with fewer than 8 labeled joints, with a labeled joint outside the image, and near-duplicates
  (the same photograph or the next of a series), of which the lowest number stays.
- Split: the rest in the order of `RandomState(0).permutation`, the first 8000 train, the next 1000 val.
- `lspet_train_without_lsp_test.json` is train without the image that LSP test shows as well; val has two more, which
  only choose among checkpoints.
- MPII's format counts from 1, `neck` is `upper_neck`, pelvis and thorax are not labeled. The head boxes make
  MMPose's head size equal to the distance of neck and head top. Persons of val without both, or whose distance is
  under 7 % or over 45 % of the diagonal of the joints' extent, are left out.

Shapes: N persons, K = 14 joints.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import savemat
from tqdm import tqdm

from mmpose_ext.atomic import atomic_folder
from mmpose_ext.toolbox.leeds.archive import Archive
from mmpose_ext.toolbox.leeds.person import JOINTS, Person, coco_annotations, person_box, write_json

__all__ = ["convert", "without_lsp_test"]

NECK, HEAD_TOP = 12, 13
MPII_FROM_LSPET = (0, 1, 2, 3, 4, 5, -1, -1, 12, 13, 6, 7, 8, 9, 10, 11)
"""LSPET's joint at each of MPII's 16 places; -1 is not labeled."""

NEAR_DUPLICATES = frozenset(
    (
        *(1764, 2354, 2494, 2636, 3556, 3562, 3615, 3821, 3959, 4019, 4288, 4787, 5140, 5316, 5788, 5790, 6054),
        *(6202, 6283, 6321, 6346, 6411, 6416, 6460, 6663, 6741, 6778, 6862, 6919, 6949, 7103, 7158, 7303, 7354),
        *(8283, 8483, 8796, 9054, 9082, 9120, 9130, 9195, 9345, 9410, 9517, 9549, 9565, 9695, 9871),
    )
)
"""Images that show what one with a lower number shows; found by looking, so listed and not computed."""

MIN_JOINTS = 8
HEAD_BIAS = 0.6  # MPII's head size is this share of the head box's diagonal
HEAD_RANGE = (0.07, 0.45)  # plausible head sizes as shares of the diagonal of the joints' extent
NUM_TRAIN, NUM_VAL = 8000, 1000
DESCRIPTION = "Leeds Sports Pose Extended (LSPET) in COCO keypoint format, 14 keypoints"

IN_LSP_TEST = {408: 1659, 1205: 1290, 7552: 1815}
"""Image of LSPET -> image of LSP test that shows the same person in the same session; found by looking."""


def convert(
    archive: str | Path, out: str | Path, *, num_train: int = NUM_TRAIN, num_val: int = NUM_VAL
) -> dict[str, int]:
    """Write images and annotations of the split; nothing is left behind when it fails.

    Args:
        archive: LSPET's folder or zip file.
        out: Folder to write, missing or empty.
        num_train: Persons in train.
        num_val: Persons in val.

    Returns:
        Number of persons in each annotation file and of dropped ones.

    Raises:
        ValueError: If the archive is not LSPET's or the folder holds something.
    """
    source, out = Archive.open(archive, needed="joints.mat"), Path(out).absolute()
    with atomic_folder(out) as partial:
        (partial / "annotations").mkdir()
        (partial / "images").mkdir()
        persons, dropped = read_persons(source)
        train, val = split(persons, num_train=num_train, num_val=num_val)
        counts = {"dropped": len(dropped)}
        for name, group in (("train", train), ("val", val)):
            content = coco_annotations(group, description=DESCRIPTION, split=name)
            write_json(partial / f"annotations/lspet_{name}.json", content)
            counts[name] = len(group)
            if name == "train":
                content = without_lsp_test(content)
                write_json(partial / "annotations/lspet_train_without_lsp_test.json", content)
                counts["train_without_lsp_test"] = len(content["images"])
        measurable = [person for person in val if _has_head(person)]
        write_json(partial / "annotations/lspet_mpii_train.json", [mpii_annotation(person) for person in train])
        write_json(partial / "annotations/lspet_mpii_val.json", [mpii_annotation(person) for person in measurable])
        savemat(partial / "annotations/lspet_mpii_gt_val.mat", {"headboxes_src": head_boxes(measurable)})
        counts["mpii_val"] = len(measurable)
        write_json(partial / "annotations/excluded.json", {str(number): why for number, why in dropped.items()})
        _copy_images(source, train + val, partial / "images")
    return counts


def read_persons(source: Archive) -> tuple[list[Person], dict[int, str]]:
    """Read the archive and sort out what is of no use.

    Args:
        source: The archive.

    Returns:
        The usable persons in ascending order, and why each of the others is not usable.
    """
    joints = source.read_joints()
    if joints.ndim != 3 or joints.shape[:2] != (len(JOINTS), 3):
        raise ValueError(
            f"expected `joints` of shape (14, 3, N) in joints.mat (LSPET, not LSP) of {source.path}, got {joints.shape}"
        )
    numbers = range(1, joints.shape[2] + 1)
    images = source.read([f"im{number:05d}.jpg" for number in numbers])
    persons: list[Person] = []
    dropped: dict[int, str] = {}
    for number, data in tqdm(zip(numbers, images, strict=True), total=len(numbers), desc="reading", unit=" images"):
        size = source.image_size(f"im{number:05d}.jpg", data)
        points, labeled = joints[:, :2, number - 1], joints[:, 2, number - 1] > 0
        if labeled.sum() < MIN_JOINTS:
            dropped[number] = "fewer_than_8_joints"
        elif (points[labeled] < 0).any() or (points[labeled] > np.array(size) - 1).any():
            dropped[number] = "joint_outside_image"
        elif number in NEAR_DUPLICATES:
            dropped[number] = "near_duplicate"
        else:
            box = person_box(points[labeled], size)
            persons.append(Person(number, f"{number:05d}.jpg", size, points, 2 * labeled, box))
    return persons, dropped


def split(persons: list[Person], *, num_train: int, num_val: int) -> tuple[list[Person], list[Person]]:
    """The fixed random split.

    Args:
        persons: Usable persons in ascending order.
        num_train: Persons in train.
        num_val: Persons in val.

    Returns:
        Train and val.
    """
    if len(persons) < num_train + num_val:
        raise ValueError(f"expected at least {num_train + num_val} usable persons, got {len(persons)}")
    order = [persons[i] for i in np.random.RandomState(0).permutation(len(persons))]
    return order[:num_train], order[num_train : num_train + num_val]


def without_lsp_test(content: Mapping[str, Any]) -> dict[str, Any]:
    """Annotations without the images that LSP test shows as well, for a training that is tested there.

    Args:
        content: LSPET's train annotations in COCO's format.
    """
    return {
        **content,
        "images": [image for image in content["images"] if image["id"] not in IN_LSP_TEST],
        "annotations": [one for one in content["annotations"] if one["image_id"] not in IN_LSP_TEST],
    }


def mpii_annotation(person: Person) -> dict[str, Any]:
    """MPII's format, counted from 1.

    Center and scale are such that `MpiiDataset`, which moves the center down by 15 scales and 1 up and left, gets
    the center and the longer side of `person.box`.

    Args:
        person: The person.

    Returns:
        One entry of the annotation file.
    """
    scale = float((person.box[2:] - person.box[:2]).max()) / 200
    center = (person.box[:2] + person.box[2:]) / 2 + 1 - (0, 15 * scale)
    seen = [place >= 0 and bool(person.labeled[place]) for place in MPII_FROM_LSPET]
    joints = [
        [round(float(v) + 1, 2) for v in person.joints[place]] if visible else [-1.0, -1.0]
        for place, visible in zip(MPII_FROM_LSPET, seen, strict=True)
    ]
    return {
        "joints_vis": [int(visible) for visible in seen],
        "joints": joints,
        "image": person.file_name,
        "scale": round(scale, 5),
        "center": [round(float(v), 2) for v in center],
    }


def head_boxes(persons: list[Person]) -> np.ndarray:
    """MPII's head boxes whose diagonal is the distance of neck and head top divided by 0.6.

    Args:
        persons: Persons with both joints.

    Returns:
        (2, 2, N): corner, x and y, person; counted from 1.
    """
    ends = np.stack([person.joints[[NECK, HEAD_TOP]] for person in persons], axis=-1) + 1
    middle, half = ends.mean(axis=0), (ends[0] - ends[1]) / (2 * HEAD_BIAS)
    return np.stack([middle + half, middle - half])


def _has_head(person: Person) -> bool:
    if not person.labeled[[NECK, HEAD_TOP]].all():
        return False
    distance = np.linalg.norm(person.joints[NECK] - person.joints[HEAD_TOP])
    share = float(distance / np.linalg.norm(np.ptp(person.joints[person.labeled], axis=0)))
    return HEAD_RANGE[0] <= share <= HEAD_RANGE[1]


def _copy_images(source: Archive, persons: list[Person], folder: Path) -> None:
    images = source.read([f"im{person.number:05d}.jpg" for person in persons])
    for person, data in tqdm(zip(persons, images, strict=True), total=len(persons), desc="copying", unit=" images"):
        (folder / person.file_name).write_bytes(data)
