"""Training in bfloat16 under MMPose's own heads.

Breakage: they hand their output to NumPy for the accuracy in the log, and NumPy has no bfloat16: ``TypeError: Got
unsupported ScalarType BFloat16`` from ``mmpose.utils.tensor_utils.to_numpy``. ``HeatmapHead`` can go without the
accuracy (``train_cfg=dict(compute_acc=False)``), ``CPMHead`` can't. No report upstream was found.

Fix: such tensors become float32 first. All others go on as they are.
"""

from __future__ import annotations

import functools
import sys
from types import ModuleType
from typing import Any

from mmpose_ext.compat._imports import when_imported

__all__ = ["install"]


def _readable(x: Any) -> Any:
    """The same for NumPy: a tensor, or a list or tuple of such."""
    if isinstance(x, (list, tuple)):
        return [_readable(part) for part in x]
    return x.float() if str(getattr(x, "dtype", "")) == "torch.bfloat16" else x


def _patch(module: ModuleType) -> None:
    """Exchange ``to_numpy``, also where it has been imported before."""
    original = module.to_numpy
    if hasattr(original, "__wrapped__"):  # done before
        return

    @functools.wraps(original)
    def to_numpy(x: Any, *args: Any, **kwargs: Any) -> Any:
        return original(_readable(x), *args, **kwargs)

    for name, other in list(sys.modules.items()):
        if name.startswith("mmpose.") and vars(other).get("to_numpy") is original:
            vars(other)["to_numpy"] = to_numpy


def install() -> None:
    """Patch MMPose's ``to_numpy``, now or when it is imported."""
    when_imported("mmpose.utils.tensor_utils", _patch)
