"""One BLAS thread for the small matrices of decoding and augmentation.

The codecs solve 2x2 systems one joint at a time. OpenBLAS hands each of them to a pool of threads, which costs more
than the work itself (on two cores DARK's decoding was seen to take two to five times as long) and fights the data
workers and PyTorch for the cores. PyTorch's own threads are not touched.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

VARIABLE = "OPENBLAS_NUM_THREADS"
_MAPS = Path("/proc/self/maps")
_PREFIXES, _SUFFIXES = ("openblas_", "scipy_openblas_"), ("", "64_", "_64")


def openblas_libraries() -> list[ctypes.CDLL]:
    """OpenBLAS as loaded by NumPy, SciPy and OpenCV, each with its own pool; nothing on systems without /proc."""
    if not _MAPS.exists():
        return []
    paths = {line.split()[-1] for line in _MAPS.read_text().splitlines() if "openblas" in line and "/" in line}
    return [ctypes.CDLL(path) for path in sorted(paths) if Path(path).exists()]


def _function(library: ctypes.CDLL, name: str) -> ctypes._NamedFuncPointer | None:
    """A function of OpenBLAS, whose builds prefix and suffix their names differently."""
    names = (f"{prefix}{name}{suffix}" for prefix in _PREFIXES for suffix in _SUFFIXES)
    return next((getattr(library, full) for full in names if hasattr(library, full)), None)


def blas_threads() -> list[int]:
    """Number of threads of each OpenBLAS in this process."""
    functions = (_function(library, "get_num_threads") for library in openblas_libraries())
    return [int(function()) for function in functions if function is not None]


def limit_blas_threads(number: int) -> None:
    """Set the number of threads of each OpenBLAS in this process and those forked from it."""
    for library in openblas_libraries():
        function = _function(library, "set_num_threads")
        if function is not None:
            function(ctypes.c_int(number))


@HOOKS.register_module()
class SingleThreadBlasHook(Hook):
    """Limit OpenBLAS to one thread before the data workers start; a value set by the user stays.

    It has to be a hook, because NumPy reads the environment variable when it is imported, which is long before a
    config is read.
    """

    def before_run(self, runner: Runner) -> None:
        """Set the limit here for forked workers, and the variable for spawned ones."""
        if VARIABLE not in os.environ:
            os.environ[VARIABLE] = "1"
            limit_blas_threads(1)
