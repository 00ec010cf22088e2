"""What is needed to run an ONNX file without its config: crop, normalization, codec, names.

:func:`describe` takes it from a config, ``mmpose-ext export`` writes it into the file, and :func:`read_description`
reads it again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmpose_ext.toolbox.safe_config import check_plain

__all__ = ["DESCRIPTION", "Description", "check_meta", "describable", "describe", "read_description"]

DESCRIPTION = "mmpose_ext"
"""Key of the description in the metadata of an ONNX file."""

_MAX_TEXT = 2**20
_MAX_INPUT = 4096
_MAX_KEYPOINTS = 1000


class Description(NamedTuple):
    """The parts of a description."""

    codec: dict[str, Any]
    """Config of the codec."""
    pipeline: list[dict[str, Any]]
    """Config of the transforms from image to crop."""
    mean: list[float]
    """Of each channel, in the order of the network's input."""
    std: list[float]
    """Of each channel."""
    bgr_to_rgb: bool
    """Whether the network takes red, green, blue."""
    meta: dict[str, Any]
    """`dataset_meta` of MMPose, with numbers as keys and arrays as in MMPose."""


def read_description(text: str, path: Path) -> Description:
    """Read what :func:`describe` has made, as data: nothing is built here.

    Args:
        text: JSON.
        path: The file that it is from, for the message.

    Raises:
        ValueError: If it is not a description, or holds anything but plain data of a reasonable size.
    """
    try:
        if len(text) > _MAX_TEXT:
            raise ValueError(f"{len(text)} characters")
        about = json.loads(text)
        parts = {key: about[key] for key in Description._fields}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"expected the description of a network in {path}, got {text[:60]!r} ({error!r})") from error
    check_plain(parts, file=path)
    size: Any = parts["codec"].get("input_size") if isinstance(parts["codec"], dict) else None
    if not _numbers(size, 2) or not all(isinstance(side, int) and 1 <= side <= _MAX_INPUT for side in size):
        raise ValueError(f"expected a codec with an input_size of 1 to {_MAX_INPUT} pixels in {path}, got {size!r}")
    if not (_numbers(parts["mean"], 3) and _numbers(parts["std"], 3) and all(parts["std"])):
        raise ValueError(f"expected mean and std, three numbers each, in {path}")
    if not isinstance(parts["meta"], dict):
        raise ValueError(f"expected names and skeleton of keypoints in {path}, got a {type(parts['meta']).__name__}")
    meta = _with_arrays(parts["meta"])
    check_meta(meta, path)
    return Description(**{**parts, "meta": meta})


def check_meta(meta: Mapping[str, Any], path: str | Path) -> None:
    """Refuse a `dataset_meta` that a result can't be written or drawn with.

    Args:
        meta: Of a description or a checkpoint.
        path: The file that it is from, for the message.

    Raises:
        ValueError: If names, skeleton or colors are missing or don't belong together.
    """
    try:
        number, names, links = meta["num_keypoints"], meta["keypoint_id2name"], meta.get("skeleton_links", [])
        good = isinstance(number, int) and 1 <= number <= _MAX_KEYPOINTS and set(names) == set(range(number))
        good = good and all(isinstance(name, str) for name in names.values())
        good = good and all(len(link) == 2 and all(0 <= int(end) < number for end in link) for link in links)
        for key, rows in (("keypoint_colors", number), ("skeleton_link_colors", len(links))):
            if key in meta and rows:
                good = good and np.asarray(meta[key], dtype=float).shape == (rows, 3)
        if "flip_indices" in meta:
            good = good and sorted(int(k) for k in meta["flip_indices"]) == list(range(number))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ValueError(f"expected names and skeleton of keypoints in {path} ({error!r})") from error
    if not good:
        raise ValueError(f"expected names, skeleton and colors of keypoints that belong together in {path}")


def _numbers(value: Any, length: int) -> bool:
    """Whether a value is a list of so many numbers."""
    right = isinstance(value, list) and len(value) == length
    return right and all(isinstance(one, int | float) and not isinstance(one, bool) for one in value)


def describable(config: Config) -> bool:
    """Whether a config says all that :func:`describe` needs.

    Args:
        config: A config.
    """
    return "test_dataloader" in config and bool((config.model.get("head") or {}).get("decoder"))


def describe(config: Config) -> dict[str, Any]:
    """What is needed to run a network without its config, in plain types for JSON.

    Args:
        config: A top-down config.

    Returns:
        The fields of :class:`Description`.

    Raises:
        ValueError: If the config has no test pipeline or no decoder.
    """
    if not describable(config):
        raise ValueError(f"expected a config with test_dataloader and model.head.decoder, got {config.filename}")
    with DefaultScope.overwrite_default_scope("mmpose"):
        meta = _dataset_meta(config.test_dataloader.dataset)
    before = config.model.data_preprocessor
    return _plain(
        {
            "codec": config.model.head.decoder,
            "pipeline": config.test_dataloader.dataset.pipeline,
            "mean": before.get("mean", [0.0] * 3),
            "std": before.get("std", [1.0] * 3),
            "bgr_to_rgb": bool(before.get("bgr_to_rgb", False)),
            "meta": meta,
        }
    )


def _dataset_meta(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """What ``mmpose.apis.dataset_meta_from_config`` finds, without its imports: trackers, detectors, drawing."""
    from mmpose.datasets.datasets.utils import parse_pose_metainfo
    from mmpose.registry import DATASETS

    if "metainfo" in dataset:
        return parse_pose_metainfo(dataset["metainfo"])
    kind: Any = dataset["type"]
    return parse_pose_metainfo((DATASETS.get(kind) if isinstance(kind, str) else kind).METAINFO)


def _plain(value: Any) -> Any:
    """Numbers, texts, lists and dicts in place of arrays, tuples and configs."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, set):
        return sorted(value)
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _with_arrays(meta: Mapping[str, Any]) -> dict[str, Any]:
    """MMPose's types again: numbers as keys, arrays for colors and sigmas."""
    arrays = {"keypoint_colors", "skeleton_link_colors", "sigmas", "dataset_keypoint_weights"}
    result: dict[str, Any] = {}
    for key, value in meta.items():
        if isinstance(value, dict) and all(str(one).isdigit() for one in value):
            value = {int(one): inner for one, inner in value.items()}
        result[key] = np.array(value) if key in arrays else value
    return result
