"""Supplies ``mmcv._ext``, the compiled operators, where only mmcv-lite is installed.

Breakage: mmcv has no ready-made wheel for torch 2.2 and newer that MMPose 1.3.2 and MMDetection 3.3.0 accept, and
mmcv-lite has no operators at all, so importing MMPose's detector or several of its modules ends in ``No module
named 'mmcv._ext'``. Threads: open-mmlab/mmcv#3181, open-mmlab/mmpose#3250, open-mmlab/mmdetection#11475.

Fix: the module :mod:`mmpose_ext.compat.mmcv_ops` takes the place of the missing one: the operators that can be
had from torch and torchvision work, and every other one raises an error that names it and the fix. A real
``mmcv._ext`` is always found first, also one that then fails to load.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from mmpose_ext.compat._imports import Fallback
from mmpose_ext.compat.missing_operator import INSTALL_FULL_MMCV, MissingOperatorError

__all__ = ["INSTALL_FULL_MMCV", "MissingOperatorError", "install", "is_supplied"]


def _missing(name: str) -> Callable[..., Any]:
    """A function that raises for the operator ``name``."""

    def operator(*args: Any, **kwargs: Any) -> Any:
        raise MissingOperatorError(name)

    operator.__name__ = operator.__qualname__ = name
    return operator


def _fill(module: ModuleType) -> None:
    """Give the module all operators; mmcv asserts with ``hasattr`` that it has every one."""
    from mmpose_ext.compat import mmcv_ops  # not at the top: it imports torch

    def get(name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        return _missing(name)

    for name in mmcv_ops.__all__:
        setattr(module, name, getattr(mmcv_ops, name))
    module.__doc__ = mmcv_ops.__doc__
    module.__getattr__ = get  # type: ignore[method-assign]


def install() -> None:
    """Supply ``mmcv._ext`` from now on, if it is missing."""
    Fallback("mmcv._ext", origin="mmpose_ext.compat.mmcv_ops", fill=_fill).install()


def is_supplied() -> bool:
    """Whether ``mmcv._ext`` is (or would be) the one of this package."""
    import importlib.util

    spec = importlib.util.find_spec("mmcv._ext")
    return spec is not None and isinstance(spec.loader, Fallback)
