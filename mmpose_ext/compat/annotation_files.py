"""MMPose's data sets and COCO's metric name the annotation file that they can't use.

Breakage: a data set reads its annotations as they are. A broken file ends in a ``KeyError`` or ``TypeError`` without
its name, or later, in a worker or in the evaluation, in an error of numpy. No report upstream was found.

Fix: whatever goes wrong while a data set is loaded, or compared with the predictions, is an ``UnusableFile`` with the
name of the file, and the numbers of each person are looked at when it is loaded. ``mmpose-ext init-dataset`` lists all
that is wrong.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from mmpose_ext.compat._imports import when_imported

__all__ = ["install", "naming_annotations"]

_ARRAYS = ("bbox", "keypoints", "keypoints_visible", "area", "center", "scale")
_LARGEST = 1e7
"""Pixels, and their square root for an area; beyond it nothing is an image, and float32 loses whole numbers."""


def _check_person(person: Mapping[str, Any], keypoints: int | None) -> None:
    """Raise a ValueError for numbers that are none, and for another number of keypoints than the data set has."""
    import numpy as np

    name = f"annotation {person.get('id')!r}"[:60]
    for key in _ARRAYS:
        values, largest = person.get(key), _LARGEST**2 if key == "area" else _LARGEST
        if isinstance(values, np.ndarray) and not (np.abs(values) <= largest).all():
            raise ValueError(f"{name} has a {key} that is no number or too large")
    points = person.get("keypoints")
    if isinstance(points, np.ndarray) and keypoints and points.shape[-2] != keypoints:
        raise ValueError(f"{name} has {points.shape[-2]} keypoints, expected {keypoints}")
    for key in ("id", "img_id"):
        value = person.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int | str | np.integer):
            raise ValueError(f"{name} has {type(value).__name__} as {key}, expected a number")
    if person.get("iscrowd") not in (0, 1, None) or not isinstance(
        person.get("num_keypoints", 0), float | int | np.number
    ):
        raise ValueError(f"{name} has no 0 or 1 as `iscrowd`, or no number as `num_keypoints`")


def naming_annotations(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let the errors of a method be an ``UnusableFile`` that names the annotation file.

    Args:
        method: Of a class with an attribute ``ann_file``.
    """

    @functools.wraps(method)
    def named(self: Any, *args: Any, **kwargs: Any) -> Any:
        from mmpose_ext.errors import UnusableFile

        try:
            return method(self, *args, **kwargs)
        except (UnusableFile, OSError):
            raise
        except Exception as error:
            reason = " ".join(str(error).split())[:300]
            text = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
            raise UnusableFile(
                f"expected annotations, {self.ann_file or 'the data set'} can't be used ({text})"
            ) from error

    return named


def _patch_metric(module: ModuleType) -> None:
    """Wrap the evaluation of ``CocoMetric`` by COCO's own code, which reads the annotations as they are."""
    metric = module.CocoMetric
    evaluate = metric._do_python_keypoint_eval
    if not hasattr(evaluate, "__wrapped__"):
        metric._do_python_keypoint_eval = naming_annotations(evaluate)


def _patch(module: ModuleType) -> None:
    """Wrap the loading of ``BaseCocoStyleDataset`` and all that inherits from it."""
    dataset = module.BaseCocoStyleDataset
    original = dataset.full_init
    if hasattr(original, "__wrapped__"):  # done before
        return
    parse = dataset.parse_data_info

    @functools.wraps(parse)
    def parse_data_info(self: Any, raw_data_info: dict) -> dict | None:
        person = parse(self, raw_data_info)
        if person is not None:
            _check_person(person, self._metainfo.get("num_keypoints"))
        return person

    def load(self: Any) -> None:
        original(self)
        _ = self.metainfo  # a copy, which categories nested too deeply don't survive

    dataset.parse_data_info, dataset.full_init = parse_data_info, functools.wraps(original)(naming_annotations(load))


def install() -> None:
    """Patch MMPose's data sets and metric, now or when they are imported."""
    when_imported("mmpose.datasets.datasets.base.base_coco_style_dataset", _patch)
    when_imported("mmpose.evaluation.metrics.coco_metric", _patch_metric)
