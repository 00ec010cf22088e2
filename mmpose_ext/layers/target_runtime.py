"""The runtime that an ONNX graph is traced for, where one form of the arithmetic is fast in one and slow in another.

ONNX Runtime keeps maps as (B, C, H, W), and its matrix products on them cost little. OpenVINO keeps maps as (B, H, W,
C) between convolutions, and copies each map that a matrix product reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["RUNTIMES", "target_runtime", "traced_for"]

RUNTIMES = ("onnxruntime", "openvino")

_target = RUNTIMES[0]


def target_runtime() -> str:
    """One of :data:`RUNTIMES`: the one that the graph is for."""
    return _target


@contextmanager
def traced_for(runtime: str) -> Iterator[None]:
    """Let networks that are traced inside take the form that ``runtime`` is fast with.

    Args:
        runtime: One of :data:`RUNTIMES`.

    Raises:
        ValueError: If there is no such runtime.
    """
    global _target
    if runtime not in RUNTIMES:
        raise ValueError(f"expected a runtime among {', '.join(RUNTIMES)}, got {runtime!r}")
    before, _target = _target, runtime
    try:
        yield
    finally:
        _target = before
