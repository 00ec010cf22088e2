"""Sizes as plain numbers while TorchScript traces a network, so that the graph computes no sizes at run time.

TorchScript records each look at ``x.shape``, which becomes five nodes of ONNX: two thirds of X-HRNet's graph. Only the
batch size has to stay open. Whether it does is checked with other batch sizes afterwards, as for any exported file.

Shapes: B batch, the first dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["FixedSizes"]

_SHAPE = torch.Tensor.shape.__get__
_CHUNK = (torch.chunk, torch.Tensor.chunk)
_RESHAPE = (torch.reshape, torch.Tensor.reshape, torch.Tensor.view)
_FLATTEN = (torch.flatten, torch.Tensor.flatten)
_UNFLATTEN = (torch.unflatten, torch.Tensor.unflatten)


class FixedSizes(TorchFunctionMode):
    """Inside of it, all sizes but the first of each tensor are Python's integers."""

    def __torch_function__(
        self, func: Callable, types: Sequence[type], args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run a function of torch, with fixed sizes where it asks for sizes or takes them."""
        kwargs = kwargs or {}
        x = args[0] if args and isinstance(args[0], Tensor) else None
        if x is None:
            return func(*args, **kwargs)
        if func == _SHAPE or (func is torch.Tensor.size and len(args) == 1 and not kwargs):
            first, *others = func(x) or [None]
            return torch.Size((first, *(int(size) for size in others))) if x.ndim else torch.Size()
        if func is torch.Tensor.size:
            dim = args[1] if len(args) > 1 else kwargs["dim"]
            return int(func(x, dim)) if dim % x.ndim else func(x, dim)
        if func in _CHUNK:
            return _chunk(*args, **kwargs)
        if func in _RESHAPE and not kwargs:
            return x.reshape(_open_batch(_sizes(args[1:]), x.numel())) if _sizes(args[1:]) else func(*args)
        if func in _FLATTEN or func in _UNFLATTEN:
            return _reshaped(func, *args, **kwargs)
        if func is torch.Tensor.expand and not kwargs:
            return func(x, *_kept(x, _sizes(args[1:])))
        if func is F.interpolate:
            return _interpolate(*args, **kwargs)
        if func is F.adaptive_avg_pool2d:
            return _adaptive_average(*args, **kwargs)
        if func is F.scaled_dot_product_attention and kwargs.get("scale") is None:
            return func(*args, **{**kwargs, "scale": int(x.shape[-1]) ** -0.5})
        return func(*args, **kwargs)


def _sizes(args: tuple) -> list[Any]:
    """Sizes that were given one by one or as a sequence; empty if a type was given."""
    sizes = list(args[0]) if len(args) == 1 and isinstance(args[0], list | tuple) else list(args)
    return [] if any(isinstance(size, torch.dtype) for size in sizes) else sizes


def _open_batch(sizes: list[Any], number: int) -> list[Any]:
    """Sizes with -1 in place of the one that follows the batch size; another -1 among them becomes a number.

    Args:
        sizes: Of a reshaping.
        number: Of elements.
    """
    traced = [i for i, size in enumerate(sizes) if isinstance(size, Tensor)]
    if len(traced) != 1:
        return sizes
    known = [int(size) for size in sizes]
    if -1 in known:
        known[known.index(-1)] = int(number) // -prod(known)
    known[traced[0]] = -1
    return known


def _reshaped(func: Callable, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Flatten or unflatten dimensions behind the first by a reshaping."""
    out = func(x, *args, **kwargs)
    if x.ndim and out.ndim and int(out.shape[0]) == int(x.shape[0]):
        return x.reshape(-1, *(int(size) for size in out.shape[1:]))
    return out


def _kept(x: Tensor, sizes: list[Any]) -> list[Any]:
    """Sizes of an expansion with -1 for a batch that is there already."""
    keeps = len(sizes) == x.ndim and isinstance(sizes[0], Tensor) and int(sizes[0]) == int(x.shape[0])
    return [-1, *sizes[1:]] if keeps else sizes


def _chunk(x: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    size = int(x.shape[dim])
    step = -(-size // chunks)
    return x.split([min(step, size - start) for start in range(0, size, step)], dim)


def _interpolate(x: Tensor, size: Any = None, scale_factor: Any = None, *args: Any, **kwargs: Any) -> Tensor:
    """Resize by a factor where the wanted size is a multiple."""
    before = [int(old) for old in x.shape[2:]]
    if isinstance(size, list | tuple) and all(int(new) % old == 0 for new, old in zip(size, before, strict=True)):
        size, scale_factor = None, tuple(float(int(new) // old) for new, old in zip(size, before, strict=True))
    return F.interpolate(x, size, scale_factor, *args, **kwargs)


def _adaptive_average(x: Tensor, output_size: Any) -> Tensor:
    """Average over windows where they all have one size."""
    before = [int(size) for size in x.shape[2:]]
    after = [output_size] * 2 if isinstance(output_size, int) else list(output_size)
    if after == [1, 1] or None in after or any(old % int(new) for old, new in zip(before, after, strict=True)):
        return F.adaptive_avg_pool2d(x, output_size)
    return F.avg_pool2d(x, [old // int(new) for old, new in zip(before, after, strict=True)])
