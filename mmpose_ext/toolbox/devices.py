"""The device that a name such as ``auto`` stands for."""

from __future__ import annotations

from collections.abc import Sequence

import torch

__all__ = ["AUTO", "TIMED", "resolve_device", "resolve_onnx_device"]

AUTO = "auto"
"""The first of cuda, mps and cpu that is there."""

TIMED = ("cuda", "cpu")
"""The kinds of device that this package takes times on."""


def resolve_device(name: str = AUTO, *, kinds: Sequence[str] = ("cuda", "mps", "cpu")) -> str:
    """Find the device to run on.

    Args:
        name: ``auto``, or a device as in PyTorch, e.g. ``cuda:1``.
        kinds: What may be used, the best first.

    Returns:
        The device.

    Raises:
        ValueError: If there is no such device.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    found = [kind for kind in kinds if there[kind]]
    if name == AUTO:
        return found[0]
    kind, _, number = name.partition(":")
    if kind not in kinds or (number and not number.isdecimal()):
        raise ValueError(f"expected a device among {AUTO}, {', '.join(kinds)}, got {name!r}")
    if kind not in found or (kind == "cuda" and int(number or 0) >= torch.cuda.device_count()):
        raise ValueError(f"expected a device that this machine has ({', '.join(found)}), got {name!r}")
    return name


def resolve_onnx_device(name: str = AUTO) -> str:
    """Find the device that ONNX Runtime runs on.

    Args:
        name: ``auto``, ``cuda`` or ``cpu``.

    Returns:
        ``cuda`` or ``cpu``; for ``auto`` the first if ONNX Runtime was built for it and there is such a device.

    Raises:
        ValueError: If ONNX Runtime can't run there.
    """
    import onnxruntime

    providers = onnxruntime.get_available_providers()
    names = {"cuda": "CUDAExecutionProvider", "cpu": "CPUExecutionProvider"}
    if name == AUTO:
        return "cuda" if names["cuda"] in providers and torch.cuda.is_available() else "cpu"
    if name not in names:
        raise ValueError(f"expected a device of ONNX Runtime among auto, {', '.join(names)}, got {name!r}")
    if names[name] not in providers:
        raise ValueError(f"expected an ONNX Runtime with {names[name]}, got {providers}")
    return name
