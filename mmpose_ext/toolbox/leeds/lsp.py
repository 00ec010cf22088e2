"""Converts Leeds Sports Poses (LSP) to COCO's format, with the published split.

Johnson and Everingham, "Clustered Pose and Nonlinear Appearance Models for Human Pose Estimation", BMVC 2010
(http://sam.johnson.io/research/lsp.html). The archive holds `joints.mat` and 2000 images `im0001.jpg` ..., in the sizes
of the originals (`lsp_dataset_original.zip`) or scaled to persons of about 150 pixels (`lsp_dataset.zip`).

Rules:

- Images 1 to 1000 are train, 1001 to 2000 test. Nothing is dropped, so that a score on test is the published one.
- `joints.mat` is (3, 14, 2000), x and y counted from 1; its third row is 1 where a joint is *hidden* (LSPET's says
  *labeled*). Hidden is visibility 1, any other joint 2: all are labeled.
- Joints, box and area are those of LSPET, see :mod:`.person`.
- Test images 1211, 1366, 1436 and 1805 are the photographs of train images 483, 550, 492 and 670. They stay, as in the
  benchmark. `lspet.py` has those that LSPET and LSP test share.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tqdm import tqdm

from mmpose_ext.atomic import atomic_folder
from mmpose_ext.toolbox.leeds.archive import Archive
from mmpose_ext.toolbox.leeds.person import JOINTS, Person, coco_annotations, person_box, write_json

__all__ = ["convert"]

NUM_TRAIN, NUM_TEST = 1000, 1000
DESCRIPTION = "Leeds Sports Poses (LSP) in COCO keypoint format, 14 keypoints, 1 is hidden"


def convert(
    archive: str | Path, out: str | Path, *, num_train: int = NUM_TRAIN, num_test: int = NUM_TEST
) -> dict[str, int]:
    """Write images and annotations; nothing is left behind when it fails.

    Args:
        archive: LSP's folder or zip file.
        out: Folder to write, missing or empty.
        num_train: Persons in train, the first.
        num_test: Persons in test, those that follow.

    Returns:
        Number of persons in each annotation file.

    Raises:
        ValueError: If the archive is not LSP's or the folder holds something.
    """
    source, out = Archive.open(archive, needed="joints.mat"), Path(out).absolute()
    with atomic_folder(out) as partial:
        joints = _read_joints(source, num_train + num_test)
        (partial / "annotations").mkdir()
        (partial / "images").mkdir()
        persons = _copy_persons(source, joints, partial / "images")
        groups = {"train": persons[:num_train], "test": persons[num_train:]}
        for name, group in groups.items():
            content = coco_annotations(group, description=DESCRIPTION, split=name)
            write_json(partial / f"annotations/lsp_{name}.json", content)
    return {name: len(group) for name, group in groups.items()}


def _read_joints(source: Archive, number: int) -> np.ndarray:
    """`joints` of the archive, (3, 14, number)."""
    joints = source.read_joints()
    if joints.shape != (3, len(JOINTS), number):
        raise ValueError(
            f"expected `joints` of shape (3, 14, {number}) in joints.mat (LSP, not LSPET) of {source.path}, "
            f"got {joints.shape}"
        )
    return joints


def _copy_persons(source: Archive, joints: np.ndarray, folder: Path) -> list[Person]:
    """Copy the images and read their sizes."""
    numbers, persons = range(1, joints.shape[2] + 1), []
    images = source.read([f"im{number:04d}.jpg" for number in numbers])
    for number, data in tqdm(zip(numbers, images, strict=True), total=len(numbers), desc="copying", unit=" images"):
        size = source.image_size(f"im{number:04d}.jpg", data)
        points, hidden = joints[:2, :, number - 1].T - 1, joints[2, :, number - 1] > 0
        person = Person(number, f"im{number:04d}.jpg", size, points, np.where(hidden, 1, 2), person_box(points, size))
        (folder / person.file_name).write_bytes(data)
        persons.append(person)
    return persons
