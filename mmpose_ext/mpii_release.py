"""MPII's own file of annotations, whose test persons have no joints, and the file that its server takes.

Both are described at https://www.mpi-inf.mpg.de/departments/computer-vision-and-machine-learning/software-and-datasets/
mpii-human-pose-dataset (Evaluation, single person). MATLAB counts from 1: images, persons and pixels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmpose_ext.errors import UnusableFile

__all__ = ["NUM_JOINTS", "SinglePerson", "load_release", "submission", "single_persons"]

NUM_JOINTS = 16


class SinglePerson(NamedTuple):
    """A person whose pose is evaluated, by its rough position, which the protocol gives."""

    image: int
    """Place of the image among the test images, from 0."""
    rectangle: int
    """Place of the person in the image, from 0."""
    name: str
    """File name of the image."""
    center: tuple[float, float]
    """In pixels that count from 1."""
    scale: float
    """Height of the person in 200 pixels."""


def load_release(path: str | Path) -> np.void:
    """Read ``mpii_human_pose_v1_u12_1.mat``.

    Args:
        path: The file.

    Returns:
        MATLAB's struct ``RELEASE``.

    Raises:
        UnusableFile: If it is another file.
        OSError: If there is none.
    """
    from scipy.io import loadmat

    try:
        release = loadmat(str(path))["RELEASE"][0, 0]
        lengths = {len(release["annolist"][0]), len(release["img_train"][0]), len(release["single_person"])}
    except OSError:
        raise
    except Exception as error:
        raise UnusableFile(f"expected MPII's mpii_human_pose_v1_u12_1.mat, got {path} ({error!r})") from error
    if len(lengths) != 1:
        raise UnusableFile(f"expected as many entries in annolist, img_train and single_person of {path}")
    return release


def single_persons(release: np.void) -> list[SinglePerson]:
    """The single persons of the test images, in the order of the file.

    Args:
        release: As from :func:`load_release`.
    """
    persons = []
    for image, index in enumerate(np.flatnonzero(release["img_train"][0] == 0)):
        entry = release["annolist"][0, index]
        name = str(entry["image"][0, 0]["name"][0])
        for number in release["single_person"][index, 0].ravel():
            person = entry["annorect"][0, number - 1]
            position = person["objpos"][0, 0]
            center = (_number(position["x"]), _number(position["y"]))
            persons.append(SinglePerson(image, int(number) - 1, name, center, _number(person["scale"])))
    return persons


def _number(value: Any) -> float:
    return float(np.asarray(value).ravel()[0])


def submission(release: np.void, keypoints: np.ndarray) -> np.ndarray:
    """The struct ``pred`` for ``pred_keypoints_mpii.mat``: the test images as they are, with the predicted joints.

    Args:
        release: As from :func:`load_release`.
        keypoints: (N, 16, 2) in pixels that count from 0, for :func:`single_persons`.

    Returns:
        (1, number of test images).

    Raises:
        ValueError: If there are not as many persons, or a joint is no number.
    """
    persons = single_persons(release)
    expected = (len(persons), NUM_JOINTS, 2)
    if keypoints.shape != expected or not np.isfinite(keypoints).all():
        raise ValueError(f"expected joints as finite numbers of the shape {expected}, got {keypoints.shape}")
    pred = release["annolist"][:, release["img_train"][0] == 0].copy()
    poses: dict[int, dict[int, np.ndarray]] = {}
    for person, joints in zip(persons, keypoints + 1, strict=True):
        poses.setdefault(person.image, {})[person.rectangle] = _annopoints(joints)
    for image, of_image in poses.items():
        pred[0, image]["annorect"] = _with_joints(pred[0, image]["annorect"], of_image)
    return pred


def _annopoints(joints: np.ndarray) -> np.ndarray:
    """MATLAB's struct of the joints (16, 2) of a person."""
    points = np.empty((1, NUM_JOINTS), [(name, object) for name in ("x", "y", "id")])
    for index, (x, y) in enumerate(joints.astype(float)):
        points[0, index] = (x, y, float(index))
    found = np.empty((1, 1), [("point", object)])
    found[0, 0]["point"] = points
    return found


def _with_joints(annorect: np.ndarray, poses: dict[int, np.ndarray]) -> np.ndarray:
    """The persons of an image with ``annopoints``, empty for those whose pose is not asked for."""
    names = [name for name in annorect.dtype.names or () if name != "annopoints"]
    result = np.empty(annorect.shape, [(name, object) for name in [*names, "annopoints"]])
    for index in range(annorect.shape[1]):
        for name in names:
            result[0, index][name] = annorect[0, index][name]
        result[0, index]["annopoints"] = poses.get(index, np.zeros((0, 0)))
    return result
