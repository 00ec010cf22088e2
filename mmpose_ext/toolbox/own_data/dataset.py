"""``mmpose-ext init-dataset`` as a function: check annotations, and write metainfo and a config that trains on them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import torch
from mmengine.config import Config

from mmpose_ext.atomic import atomic_write
from mmpose_ext.toolbox.catalogue.configs import find_config, read_config
from mmpose_ext.toolbox.own_data.annotations import labeled_persons, metainfo_text, plain_name, repaired, split
from mmpose_ext.toolbox.own_data.check import Report, check, load
from mmpose_ext.toolbox.own_data.config import config_text, first_weights, missing_weights
from mmpose_ext.toolbox.own_data.keypoint_names import flip_pairs
from mmpose_ext.toolbox.own_data.schedule import iterations

__all__ = ["DatasetReport", "Training", "init_dataset"]

_LENGTH = re.compile(r"-\d+[ek]$")
"""Epochs or thousands of iterations at the end of a config's name."""


class Training(NamedTuple):
    """What was written, and the training that it makes possible."""

    config: Path
    persons: int
    """With a labeled keypoint, in the training set."""
    batch: int
    epoch: int
    """Iterations in an epoch."""
    total: int
    """Iterations in all."""
    flip_pairs: int
    unpaired: tuple[str, ...]
    """Keypoints that are their own mirror image."""
    missing_weights: str | None
    """The file that the model would start from and that does not exist."""
    first_weights: str | None
    """The file or address that it starts from; None for random weights."""
    gpus: int
    """Number of processes that the learning rate is for."""
    rate: float | None


class DatasetReport(NamedTuple):
    """What was found, and what was written."""

    reports: Mapping[Path, Report]
    """File -> what was found in it."""
    training: Training | None
    """None if nothing was written, because of errors in the annotations."""

    @property
    def can_be_forced(self) -> bool:
        """Whether all errors belong to single images and annotations, which `force` leaves out."""
        return not any(report.whole_errors for report in self.reports.values())


def init_dataset(
    annotations: Path,
    out: Path | None = None,
    *,
    images: Path | None = None,
    val: Path | None = None,
    val_share: float = 0.1,
    model: str = "xhrnet-18",
    epochs: int | None = None,
    gpus: int | None = None,
    force: bool = False,
    overwrite: bool = False,
) -> DatasetReport:
    """Check a COCO-style keypoint file, and write metainfo, training and validation files and a config for it.

    Args:
        annotations: COCO-style file of all data, or of the training set.
        out: Folder to write; None for ``data/<name of the file>``.
        images: Folder of the images; None for that of the annotations.
        val: COCO-style file of the validation set; None splits off a part of the images.
        val_share: The part.
        model: Alias or config of the model to train.
        epochs: Length of the training; None keeps that of the model.
        gpus: Number of processes of the training, for which the learning rate is scaled; None for the GPUs at hand.
        force: Whether images and annotations with errors are left out, and the rest is written.
        overwrite: Whether the files of an earlier run are replaced.

    Returns:
        What was found. Nothing is written if there are errors, unless `force` can leave them out.

    Raises:
        ValueError: If a file is not COCO-style, the keypoints of the two differ, an argument can't be used, or files
            would be lost.
    """
    images = images or annotations.parent
    out = (out or Path("data") / annotations.stem).resolve()
    base = find_config(model)
    gpus = max(1, torch.cuda.device_count()) if gpus is None else gpus
    _check_arguments(annotations, images, val, epochs, gpus)
    reports = {path: check(load(path), images=images) for path in (annotations, val) if path is not None}
    names = reports[annotations].keypoints
    for path, report in reports.items():
        if report.keypoints != names:
            raise ValueError(f"expected the keypoints {names} in {path}, got {report.keypoints}")
    found = DatasetReport(reports, None)
    if any(report.errors for report in reports.values()) and not (force and found.can_be_forced):
        return found
    parts = [repaired(report) for report in reports.values()]
    train, valid = parts if val else split(parts[0], share=val_share)
    persons, others = labeled_persons(train), labeled_persons(valid)
    if not (persons and others):
        raise ValueError(f"expected labeled persons for training and for validation, got {persons} and {others}")
    name = plain_name(annotations.stem)
    config = config_text(
        name, base, keypoints=len(names), folder=out, images=images.resolve(), samples=persons, epochs=epochs, gpus=gpus
    )
    texts = {
        _config_name(base, name, epochs): config,
        "metainfo.py": metainfo_text(name, reports[annotations]),
    }
    try:
        texts |= {"train.json": json.dumps(train), "val.json": json.dumps(valid)}
    except RecursionError as error:
        raise ValueError(f"expected a COCO-style file, got {annotations}: it is nested too deeply") from error
    _check_free(out, texts, inputs=list(reports), overwrite=overwrite)
    with ExitStack() as files:  # all are written before the first takes its name
        for file, text in texts.items():
            files.enter_context(atomic_write(out / file)).write_text(text)
    return DatasetReport(reports, _training(out / next(iter(texts)), base, names, persons, gpus))


def _training(path: Path, base: Path, names: Sequence[str], persons: int, gpus: int) -> Training:
    config, pairs = Config.fromfile(path), flip_pairs(names)
    epoch, total = iterations(config, math.ceil(persons / gpus))
    return Training(
        path,
        persons,
        config.train_dataloader.batch_size,
        epoch,
        total,
        len(pairs) // 2,
        tuple(name for name in names if name not in pairs),
        missing_weights(read_config(base)),
        first_weights(config),
        gpus,
        config.get("optim_wrapper", {}).get("optimizer", {}).get("lr"),
    )


def _check_arguments(annotations: Path, images: Path, val: Path | None, epochs: int | None, gpus: int) -> None:
    """Raise a ValueError for what can't be used, before anything is read."""
    if not images.is_dir():
        raise ValueError(f"expected a folder of images, got {images}")
    if epochs is not None and epochs < 1:
        raise ValueError(f"expected --epochs to be at least 1, got {epochs}")
    if gpus < 1:
        raise ValueError(f"expected --gpus to be at least 1, got {gpus}")
    if val and val.resolve() == annotations.resolve():
        raise ValueError(f"expected another file than {annotations} for --val; without --val it is split")


def _config_name(base: Path, name: str, epochs: int | None) -> str:
    """That of the base, with this data set and this length of the training."""
    stem = base.stem.rpartition("_")[0] or base.stem
    return f"{stem if epochs is None else _LENGTH.sub(f'-{epochs}e', stem)}_{name}.py"


def _check_free(out: Path, files: Iterable[str], *, inputs: Sequence[Path], overwrite: bool) -> None:
    """Raise a ValueError if a file would be lost, or if the folder is none."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"expected a folder for --out, got the file {out}")
    there = [file for file in files if (out / file).exists()]
    read = [path for path in inputs if path.resolve() in [out / file for file in there]]
    if read:
        raise ValueError(f"expected another --out: {read[0]}, which is read, would be written")
    if there and not overwrite:
        raise ValueError(f"{', '.join(there)} in {out} would be lost; give another --out, or --overwrite")
