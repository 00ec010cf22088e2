"""Serves ``xtcocotools._mask`` from pycocotools where its compiled part does not load, as under numpy 2.

Breakage: the wheels of xtcocotools 1.14.3 are compiled against numpy 1, and MMPose imports them for every COCO
data set: ``numpy.dtype size changed, may indicate binary incompatibility``. Thread: jin-s13/xtcocoapi#45.

Fix: if that import fails and pycocotools is there, its module of the same functions (encode, decode, merge, area,
iou, toBbox, frPyObjects) takes the place; xtcocotools is a fork of pycocotools that changed the Python part only.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from mmpose_ext.compat._imports import Execute, around_import

__all__ = ["install"]


def _run(execute: Execute, module: ModuleType) -> None:
    """Execute the module, or put pycocotools' in its place."""
    try:
        execute(module)
    except (ImportError, ValueError) as error:
        try:
            sys.modules[module.__name__] = importlib.import_module("pycocotools._mask")
        except ImportError:
            raise error from None


def install() -> None:
    """Guard the import of ``xtcocotools._mask`` from now on."""
    around_import("xtcocotools._mask", _run)
