"""Writes a synthetic data set: JPEG files and COCO JSON, in parallel, all or nothing."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from filelock import FileLock
from tqdm import tqdm

from mmpose_ext.atomic import atomic_folder
from mmpose_ext.datasets.synthetic.scene import Label, render_scene
from mmpose_ext.datasets.synthetic.skeleton import KEYPOINT_NAMES

FORMAT = 2
"""Rises whenever the same settings give other images."""

ANNOTATIONS, IMAGES, SETTINGS = "annotations.json", "images", "generator.json"
SKELETON = (
    *((16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9)),
    *((8, 10), (9, 11), (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7)),
)
"""COCO's limbs, counted from 1."""
_PERSONS_PER_IMAGE = (0.74, 0.15, 0.07, 0.04)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What determines a set, byte for byte.

    Attributes:
        num_persons: Number of annotated persons.
        seed: Seed of everything drawn.
    """

    num_persons: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.num_persons < 1:
            raise ValueError(f"num_persons has to be at least 1, got {self.num_persons}")
        if self.seed < 0:
            raise ValueError(f"seed has to be at least 0, got {self.seed}")


def ensure_dataset(folder: str | Path, settings: Settings, *, workers: int | None = None) -> bool:
    """Generate the set unless it is there. Safe to call from several processes at once.

    Args:
        folder: Where the set lies or will lie.
        settings: What it has to be.
        workers: Processes; 0 renders in this one, None takes one for each CPU.

    Returns:
        Whether it was generated now.

    Raises:
        ValueError: If the folder holds something else.
    """
    folder = Path(folder).absolute()
    if is_complete(folder, settings):
        return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if is_complete(folder, settings):  # another process was faster
            return False
        with atomic_folder(folder) as partial:
            _write(partial, settings, workers)
    return True


def is_complete(folder: Path, settings: Settings) -> bool:
    """Whether the set lies in the folder.

    Args:
        folder: The folder.
        settings: What the set has to be.

    Returns:
        False if the folder is missing or empty.

    Raises:
        ValueError: If the folder holds something else.
    """
    if not folder.exists() or not any(folder.iterdir()):
        return False
    wanted = {"format": FORMAT, **asdict(settings)}
    if not (folder / SETTINGS).is_file():
        raise ValueError(
            f"{folder} is not empty and was not written by the synthetic generator (it has no {SETTINGS}). "
            "Expected a missing or empty folder: choose another one."
        )
    try:
        found = json.loads((folder / SETTINGS).read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"expected the settings of the synthetic generator, got {folder / SETTINGS}: {error}"
        ) from error
    if found != wanted:
        raise ValueError(
            f"{folder} was generated with {found} ({SETTINGS}), but {wanted} was asked for. "
            "Delete the folder to have it generated anew, or choose another one (`data_root`)."
        )
    return True


def _write(folder: Path, settings: Settings, workers: int | None) -> None:
    (folder / IMAGES).mkdir()
    jobs = [(folder / IMAGES, settings.seed, index, count) for index, count in enumerate(_plan(settings))]
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    what = dict(total=settings.num_persons, desc="rendering persons", unit=" persons", file=sys.stderr)
    with tqdm(**what, disable=None) as progress:  # no bar where nobody watches
        for image, labels in _run(jobs, workers):
            images.append(image)
            for label in labels:
                annotations.append(annotation(label, image["id"], len(annotations) + 1))
            progress.update(len(labels))
    keypoints = {"keypoints": list(KEYPOINT_NAMES), "skeleton": [list(limb) for limb in SKELETON]}
    category = {"id": 1, "name": "person", "supercategory": "person", **keypoints}
    info = {"description": f"mmpose-ext synthetic persons, seed {settings.seed}"}
    content = {"info": info, "images": images, "annotations": annotations, "categories": [category]}
    (folder / ANNOTATIONS).write_text(json.dumps(content))
    (folder / SETTINGS).write_text(json.dumps({"format": FORMAT, **asdict(settings)}, indent=2) + "\n")


def _plan(settings: Settings) -> list[int]:
    """Number of persons in each image; they sum up to the wanted number."""
    rng, counts, left = np.random.default_rng(settings.seed), [], settings.num_persons
    while left:
        counts.append(min(left, 1 + int(rng.choice(len(_PERSONS_PER_IMAGE), p=_PERSONS_PER_IMAGE))))
        left -= counts[-1]
    return counts


Job = tuple[Path, int, int, int]


def _run(jobs: list[Job], workers: int | None) -> Iterator[tuple[dict[str, Any], list[Label]]]:
    """Results in the order of the jobs."""
    if workers is None:
        workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = min(workers, len(jobs))
    if workers <= 1:
        yield from map(_render_to_file, jobs)
        return
    # `spawn` would import the caller's main module again, which a script without a main guard doesn't survive
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
    with context.Pool(workers, initializer=cv2.setNumThreads, initargs=(0,)) as pool:
        yield from pool.imap(_render_to_file, jobs, chunksize=4)


def _render_to_file(job: Job) -> tuple[dict[str, Any], list[Label]]:
    folder, seed, index, num_persons = job
    rng = np.random.default_rng([seed, index])
    image, labels = render_scene(rng, num_persons)
    name = f"{index + 1:06d}.jpg"
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(75, 95))])
    (folder / name).write_bytes(data.tobytes())
    return {"id": index + 1, "file_name": name, "width": image.shape[1], "height": image.shape[0]}, labels


def annotation(label: Label, image_id: int, number: int) -> dict[str, Any]:
    """A person in COCO's format.

    Args:
        label: Of the renderer.
        image_id: Of the image.
        number: Of the annotation.
    """
    return {
        "id": number,
        "image_id": image_id,
        "category_id": 1,
        "keypoints": [v if i % 3 < 2 else int(v) for i, v in enumerate(label.keypoints.ravel().tolist())],
        "num_keypoints": int((label.keypoints[:, 2] > 0).sum()),
        "bbox": list(label.box),
        "area": label.area,
        "iscrowd": 0,
    }
