"""Loads MMEngine's checkpoints under torch >= 2.6, safely.

Breakage: since torch 2.6 ``torch.load`` unpickles only tensors and plain containers unless it is told otherwise
(``weights_only=True``), and MMEngine 0.10.7 does not tell it. Its checkpoints hold a little more, the log's
``HistoryBuffer`` and a few numpy values, so that resuming, testing and inference end in ``UnpicklingError``.
Threads: open-mmlab/mmengine#1655, open-mmlab/mmengine#1650.

Fix: MMEngine's checkpoint loader runs inside ``torch.serialization.safe_globals`` with exactly the classes and
functions that MMEngine writes into a checkpoint. Loading stays ``weights_only``: a file that names anything else, such
as a pickle made to run a command, is refused as before.

torch < 2.6: ``torch.load`` unpickles whatever the file says, MMEngine works, and this file does nothing. Load only
files that you trust there. The same holds, under every torch, for a checkpoint that MMEngine fetches from a URL: it
does so by ``torch.hub``, which unpickles whatever the file says.
"""

from __future__ import annotations

import functools
import importlib
import pickle
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

from mmpose_ext.compat import safetensors_files
from mmpose_ext.compat._imports import when_imported
from mmpose_ext.compat.versions import torch_at_least

__all__ = ["install", "load", "safe_classes", "safe_loading"]

DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 str".split()
"""The types of the arrays in the log and in the meta information of a data set."""


def _statistic(cls: type, name: str) -> Any:
    """What ``getattr`` may do in a checkpoint: name one of the four default statistics of ``HistoryBuffer``.

    A pickle spells ``HistoryBuffer.mean`` as a call of ``getattr``. The real one would hand a file any attribute
    of anything.
    """
    from mmengine.logging.history_buffer import HistoryBuffer

    if cls is not HistoryBuffer or name not in {"min", "max", "mean", "current"}:
        raise pickle.UnpicklingError(
            f"expected a statistic of mmengine's HistoryBuffer in the checkpoint, got attribute {name!r} of {cls!r}"
        )
    return getattr(cls, name)


def safe_classes() -> list[Any]:
    """Everything beyond torch's own list that a checkpoint of MMEngine may name.

    The log is a ``HistoryBuffer`` of numpy arrays, scores and losses are numpy scalars, the meta information of a
    data set holds numpy arrays. The two functions of numpy appear under the module's name of numpy 1 and of numpy 2,
    whichever wrote the file.
    """
    import numpy as np
    from mmengine.logging.history_buffer import HistoryBuffer

    multiarray = importlib.import_module("numpy._core.multiarray" if np.__version__ >= "2" else "numpy.core.multiarray")
    functions = (multiarray._reconstruct, multiarray.scalar)
    return [
        HistoryBuffer,
        (_statistic, "builtins.getattr"),
        bytes,  # so an empty array is written, such as the links of key points without a skeleton
        np.ndarray,
        np.dtype,
        *(type(np.dtype(name)) for name in DTYPES),
        *((f, f"numpy.{package}.multiarray.{f.__name__}") for f in functions for package in ("core", "_core")),
    ]


def safe_loading() -> AbstractContextManager[Any]:
    """A context in which ``torch.load(..., weights_only=True)`` accepts MMEngine's checkpoints."""
    import torch

    if not torch_at_least(2, 6):
        return nullcontext()
    known = set(torch.serialization.get_safe_globals())  # leaving the context must not forget what the user allowed
    return torch.serialization.safe_globals([item for item in safe_classes() if item not in known])


def load(path: str | Path, *, map_location: str = "cpu") -> Any:
    """Load a checkpoint file of MMEngine (torch >= 2.6), of plain torch or of safetensors, never running code from it.

    Args:
        path: The file.
        map_location: As in :func:`torch.load`.

    Returns:
        What the file holds.
    """
    import torch

    if Path(path).suffix == safetensors_files.SUFFIX:
        return safetensors_files.read(path, map_location)
    with safe_loading():
        return torch.load(path, map_location=map_location, weights_only=True)


def _patch(module: ModuleType) -> None:
    """Wrap ``CheckpointLoader.load_checkpoint``, through which all of MMEngine's loading goes."""
    loader = module.CheckpointLoader
    original = loader.load_checkpoint.__func__
    if hasattr(original, "__wrapped__"):  # done before
        return

    @functools.wraps(original)
    def load_checkpoint(cls: type, *args: Any, **kwargs: Any) -> Any:
        with safe_loading():
            return original(cls, *args, **kwargs)

    loader.load_checkpoint = classmethod(load_checkpoint)


def install() -> None:
    """Patch MMEngine's checkpoint loader, now or when it is imported."""
    when_imported("mmengine.runner.checkpoint", _patch)
