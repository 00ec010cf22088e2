"""MMPose's ``tools/misc/publish_model.py`` reads MMEngine's checkpoints, and runs nothing that is in them.

Breakage: it calls ``torch.load`` itself. Since torch 2.6 that refuses the log in a checkpoint of MMEngine, and the tool
ends in ``UnpicklingError``; older releases of torch run whatever the file says. The same as open-mmlab/mmengine#1655.

Fix: in a process whose main program is that tool, ``torch.load`` is :func:`mmpose_ext.compat.checkpoint.load`.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from mmpose_ext.compat import checkpoint
from mmpose_ext.compat._imports import when_imported
from mmpose_ext.compat._tools import running_tool

__all__ = ["install"]


def _load(file: Any, map_location: Any = "cpu", **ignored: Any) -> Any:
    return checkpoint.load(file, map_location=map_location)


def _patch(module: ModuleType) -> None:
    vars(module)["load"] = _load


def install() -> None:
    """Let the tool load safely, if it is what runs."""
    if running_tool() == "misc/publish_model.py":
        when_imported("torch", _patch)
