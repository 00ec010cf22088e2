"""MMPose's ``tools/analysis_tools/get_flops.py`` takes a batch size.

Breakage: with ``--batch-size 2`` it hands both an input and its shape to MMEngine's ``get_model_complexity_info``,
which refuses that: ``"input_shape" and "inputs" cannot be both set``. No report of it was found.

Fix: an input has the shape that it has, so the other one is dropped. As upstream means it, the count is that of the
whole batch.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from mmpose_ext.compat._imports import when_imported

__all__ = ["install"]


def _patch(module: ModuleType) -> None:
    """Wrap ``get_model_complexity_info``."""
    original = module.get_model_complexity_info
    if hasattr(original, "__wrapped__"):  # done before
        return

    @functools.wraps(original)
    def get_model_complexity_info(model: Any, input_shape: Any = None, inputs: Any = None, **kwargs: Any) -> Any:
        shape = None if inputs is not None else input_shape
        return original(model, input_shape=shape, inputs=inputs, **kwargs)

    vars(module)["get_model_complexity_info"] = get_model_complexity_info


def install() -> None:
    """Patch MMEngine's counter, now or when it is imported."""
    when_imported("mmengine.analysis.print_helper", _patch)
