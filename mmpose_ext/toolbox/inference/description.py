"""What has to be known for running an ONNX file without its config: crop, normalisation, codec, names.

:func:`describe` takes it from a config, ``mmpose-ext export`` writes it into the file, and :func:`read_description`
reads it again.

Deviations: none (no paper).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.config import Config
from mmengine.registry import DefaultScope

__all__ = ["DESCRIPTION", "Description", "describable", "describe", "read_description"]

DESCRIPTION = "mmpose_ext"
"""Key of the description in the metadata of an ONNX file."""


class Description(NamedTuple):
    """The parts of a description."""

    codec: dict[str, Any]
    """Config of the codec."""
    pipeline: list[dict[str, Any]]
    """Config of the transforms from picture to crop."""
    mean: list[float]
    """Of each channel, in the order of the network's input."""
    std: list[float]
    """Of each channel."""
    bgr_to_rgb: bool
    """Whether the network takes red, green, blue."""
    meta: dict[str, Any]
    """`dataset_meta` of MMPose, with numbers as keys and arrays as in MMPose."""


def read_description(text: str, path: Path) -> Description:
    """Read what :func:`describe` has made.

    Args:
        text: JSON.
        path: The file that it is from, for the message.

    Raises:
        ValueError: If it is not a description.
    """
    try:
        about = json.loads(text)
        parts = {key: about[key] for key in Description._fields}
        return Description(**{**parts, "meta": _arrays(parts["meta"])})
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"expected the description of a network in {path}, got {text[:60]!r} ({error!r})") from error


def describable(config: Config) -> bool:
    """Whether a config says all that :func:`describe` needs.

    Args:
        config: A config.
    """
    return "test_dataloader" in config and bool((config.model.get("head") or {}).get("decoder"))


def describe(config: Config) -> dict[str, Any]:
    """What has to be known for running a network without its config, in plain types for JSON.

    Args:
        config: A top-down config.

    Returns:
        The fields of :class:`Description`.

    Raises:
        ValueError: If the config has no test pipeline or no decoder.
    """
    if not describable(config):
        raise ValueError(f"expected a config with test_dataloader and model.head.decoder, got {config.filename}")
    from mmpose.apis.inference import dataset_meta_from_config

    with DefaultScope.overwrite_default_scope("mmpose"):
        meta = dataset_meta_from_config(config, "test")
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


def _plain(value: Any) -> Any:
    """Numbers, texts, lists and dicts in place of arrays, tuples and configs."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, set):
        return sorted(value)
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _arrays(meta: Mapping[str, Any]) -> dict[str, Any]:
    """MMPose's types again: numbers as keys, arrays for colours and sigmas."""
    arrays = {"keypoint_colors", "skeleton_link_colors", "sigmas", "dataset_keypoint_weights"}
    result: dict[str, Any] = {}
    for key, value in meta.items():
        if isinstance(value, dict) and all(str(one).isdigit() for one in value):
            value = {int(one): inner for one, inner in value.items()}
        result[key] = np.array(value) if key in arrays else value
    return result
