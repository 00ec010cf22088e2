"""Serves xtcocotools from pycocotools, all of it where it is not installed, else what of it does not load.

Breakage: MMPose imports xtcocotools for every COCO data set. Its last release has wheels for Python 3.8 to 3.11 alone,
a build that omits what it needs (jin-s13/xtcocoapi#43), and a part that is compiled against numpy 1: ``numpy.dtype size
changed, may indicate binary incompatibility`` (jin-s13/xtcocoapi#45).

Fix: it is a fork of pycocotools that changed the Python part only. Where ``xtcocotools._mask`` fails to load,
pycocotools' module of the same functions (encode, decode, merge, area, iou, toBbox, frPyObjects) takes its place; where
xtcocotools is missing, :mod:`mmpose_ext.compat.extended_coco` adds to pycocotools what the fork added.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from mmpose_ext.compat._imports import Execute, Fallback, around_import

__all__ = ["install", "is_supplied"]


def _run(execute: Execute, module: ModuleType) -> None:
    """Execute the module, or put pycocotools' in its place."""
    try:
        execute(module)
    except (ImportError, ValueError) as error:
        try:
            sys.modules[module.__name__] = importlib.import_module("pycocotools._mask")
        except ImportError:
            raise error from None


def _fill(module: ModuleType) -> None:
    """Give a module the classes and functions of its namesake."""
    name = module.__name__.rpartition(".")[2]
    source = "pycocotools.mask" if name == "mask" else "mmpose_ext.compat.extended_coco"
    names = {
        "coco": ["COCO"],
        "cocoeval": ["COCOeval"],
        "mask": "area decode encode frPyObjects iou merge toBbox".split(),
    }
    for attribute in names.get(name, []):
        setattr(module, attribute, getattr(importlib.import_module(source), attribute))


def install() -> None:
    """Guard the import of xtcocotools and of its compiled part from now on."""
    around_import("xtcocotools._mask", _run)
    origin = "mmpose_ext.compat.extended_coco"
    Fallback("xtcocotools", origin=origin, fill=_fill, is_package=True).install()
    for name in ("coco", "cocoeval", "mask"):
        Fallback(f"xtcocotools.{name}", origin=origin, fill=_fill).install()


def is_supplied() -> bool:
    """Whether ``xtcocotools`` is (or would be) the one of this package."""
    import importlib.util

    spec = importlib.util.find_spec("xtcocotools")
    return spec is not None and isinstance(spec.loader, Fallback)
