"""The data that a row is tested on: whether it is there, and whether it is all of it.

A part of a data set has no score that may stand beside a published one, so a result says how much it was measured on.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from mmpose_ext.toolbox.catalogue.configs import find_config
from mmpose_ext.toolbox.inference.weights import quiet_logger
from mmpose_ext.toolbox.json_file import read_json
from mmpose_ext.toolbox.reproduction.rows import Row

__all__ = ["VARIABLE", "DataSet", "data_folder", "data_name", "find_data_set", "stock_options"]

VARIABLE = "MMPOSE_EXT_DATA"
"""The environment variable that moves the data sets of all our configs."""

_STOCK_DATA = "data/"
_FILES = ("data_root", "bbox_file", "headbox_file")

KNOWN = {
    "person_keypoints_val2017": ("COCO val2017", 5000, "images"),
    "mpii_val": ("MPII val", 2958, "persons"),
    "lspet_val": ("LSPET val", 1000, "persons"),
    "lsp_test": ("LSP test", 1000, "persons"),
    "lspet_mpii_val": ("LSPET val in MPII's format", 780, "persons"),
}
"""Annotation file -> name of the data set as the metafiles have it, how large it is, and in what."""


@dataclass(frozen=True)
class DataSet:
    """What a row is tested on.

    Attributes:
        name: E.g. "COCO val2017", or "4 of 5000 images of COCO val2017".
        digest: Hash of the annotations.
    """

    name: str
    digest: str


def find_data_set(row: Row, *, root: Path, data: Path) -> DataSet:
    """Look for the test data of a row.

    Args:
        row: The row.
        root: The folder that holds ``configs``.
        data: The folder of all data sets, as ``$MMPOSE_EXT_DATA``.

    Raises:
        ValueError: If a file is missing; the message names it.
    """
    with data_folder(data), quiet_logger():
        config = Config.fromfile(find_config(row.source(root)))
        config.merge_from_dict(stock_options(config, data))
    dataset = config.test_dataloader.dataset
    folder = Path(dataset.data_root)
    if "generate" in dataset:  # rendered where it is needed
        return DataSet(f"{dataset.generate.num_persons} rendered persons", _digest(str(dataset.generate).encode()))
    file = folder / dataset.ann_file
    needed = [file, *(Path(dataset[key]) for key in ("bbox_file", "headbox_file") if dataset.get(key))]
    needed += [folder / prefix for prefix in dataset.data_prefix.values()]
    missing = [str(path) for path in needed if not path.exists()]
    if missing:
        raise ValueError(f"expected the test data of {row.alias} below {data}, got no {', no '.join(missing)}")
    return DataSet(data_name(file), _digest(file.read_bytes()))


def stock_options(config: Config, data: Path) -> dict[str, str]:
    """What leads a config of MMPose to the data; nothing for ours, which read :data:`VARIABLE`.

    Args:
        config: A config whose test data are below ``data/``, relative to where it is run.
        data: The folder of all data sets.

    Returns:
        Key -> value, as ``--cfg-options`` takes them.
    """
    values = {f"test_dataloader.dataset.{key}": config.test_dataloader.dataset.get(key) for key in _FILES}
    if isinstance(config.test_evaluator, dict):
        values["test_evaluator.ann_file"] = config.test_evaluator.get("ann_file")
    return {
        key: str(data.resolve() / value.removeprefix(_STOCK_DATA))
        for key, value in values.items()
        if value and value.startswith(_STOCK_DATA)
    }


def data_name(file: Path) -> str:
    """A data set as the metafiles name it; a part of one says so.

    Args:
        file: Its annotations.

    Raises:
        ValueError: If they can't be read.
    """
    content = read_json(file, expected="an annotation file")
    images = content.get("images") if isinstance(content, dict) else content
    if not isinstance(images, list):
        raise ValueError(f"expected an annotation file with a list of images, got {file}")
    name, total, unit = KNOWN.get(file.stem, (file.stem, len(images), "images"))
    return name if len(images) == total else f"{len(images)} of {total} {unit} of {name}"


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


@contextmanager
def data_folder(data: Path) -> Iterator[None]:
    """Let configs read the folder of the data sets.

    Args:
        data: The folder, as ``$MMPOSE_EXT_DATA``.
    """
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(data.resolve())
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
