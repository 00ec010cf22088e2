"""The shift on a GPU: one pass over the memory forward, one backward.

A program works on a piece of one channel of one sample: forward it reads each pixel's four neighbors (three of them
from the cache) and writes one. Backward the same is done with the gradient of the output and the offset -d, and the
sums behind the two gradients of the offset go to a place of their own for each program; they are added up afterwards,
so that there are no atomics and the result is the same every time.

Written for CUDA and tested in Triton's interpreter (``TRITON_INTERPRET=1``), where it also runs on the CPU.

Source, deviations and shapes: see :mod:`.taps`; B batch, P programs for each map.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from mmpose_ext.layers.feature_shift.taps import taps

MAX_BLOCK = 1024
"""Most pixels of one program."""


@triton.jit
def _pixel(source: Any, x: Any, y: Any, height: Any, width: Any, number: tl.constexpr) -> Any:
    """Read pixels of a map as ``number``, zeros outside of it."""
    seen = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return tl.load(source + y * width + x, mask=seen, other=0.0).to(number)


@triton.jit
def _forward(
    x: Any, start: Any, weight: Any, out: Any, K: Any, H: Any, W: Any, BLOCK: tl.constexpr, number: tl.constexpr
) -> None:
    """One block of one map of Eq. (1)."""
    place = tl.program_id(0).to(tl.int64)
    k = place % K
    pixel = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    column = pixel % W + tl.load(start + 2 * k)
    row = pixel // W + tl.load(start + 2 * k + 1)
    wx, wy = tl.load(weight + 2 * k), tl.load(weight + 2 * k + 1)
    source = x + place * H * W
    a, b = _pixel(source, column, row, H, W, number), _pixel(source, column + 1, row, H, W, number)
    c, d = _pixel(source, column, row + 1, H, W, number), _pixel(source, column + 1, row + 1, H, W, number)
    upper, lower = a + wx * (b - a), c + wx * (d - c)
    result = upper + wy * (lower - upper)
    tl.store(out + place * H * W + pixel, result.to(out.dtype.element_ty), mask=pixel < H * W)


@triton.jit
def _backward(
    grad: Any,
    x: Any,
    start: Any,
    weight: Any,
    grad_x: Any,
    sums: Any,
    K: Any,
    H: Any,
    W: Any,
    BLOCK: tl.constexpr,
    number: tl.constexpr,
) -> None:
    """One block of one map of the gradients; the taps are the adjoint ones."""
    place = tl.program_id(0).to(tl.int64)
    k = place % K
    pixel = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = pixel < H * W
    column = pixel % W + tl.load(start + 2 * k)
    row = pixel // W + tl.load(start + 2 * k + 1)
    wx, wy = tl.load(weight + 2 * k), tl.load(weight + 2 * k + 1)
    source = grad + place * H * W
    a, b = _pixel(source, column, row, H, W, number), _pixel(source, column + 1, row, H, W, number)
    c, d = _pixel(source, column, row + 1, H, W, number), _pixel(source, column + 1, row + 1, H, W, number)
    left, right = a + wy * (c - a), b + wy * (d - b)
    upper, lower = a + wx * (b - a), c + wx * (d - c)
    result = upper + wy * (lower - upper)
    tl.store(grad_x + place * H * W + pixel, result.to(grad_x.dtype.element_ty), mask=inside)
    value = tl.load(x + place * H * W + pixel, mask=inside, other=0.0).to(number)
    program = (place * tl.num_programs(1) + tl.program_id(1)) * 2
    tl.store(sums + program, tl.sum((right - left) * value))
    tl.store(sums + program + 1, tl.sum((lower - upper) * value))


def shift_triton(x: Tensor, offsets: Tensor) -> Tensor:
    """Shift each channel by its own offset, Eq. (1).

    Args:
        x: (B, K, H, W).
        offsets: (K, 2), in pixels.

    Returns:
        (B, K, H, W), contiguous.
    """
    x = x.contiguous()
    out = torch.empty_like(x)
    if x.numel():
        grid, block = _grid(x)
        _forward[grid](x, *_taps(x, offsets), out, *x.shape[1:], BLOCK=block, number=_number(x))
    return out


def shift_backward_triton(grad: Tensor, x: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of :func:`shift_triton`.

    Args:
        grad: Gradient of the output, (B, K, H, W).
        x: The input, (B, K, H, W).
        offsets: (K, 2), in pixels.

    Returns:
        Gradients of the input, (B, K, H, W), and of the offsets, (K, 2).
    """
    grad, x = grad.contiguous(), x.contiguous()
    grad_x = torch.empty_like(x)
    if not x.numel():
        return grad_x, torch.zeros_like(offsets)
    grid, block = _grid(x)
    start, weight = _taps(x, offsets, adjoint=True)
    sums = torch.empty(*x.shape[:2], grid[1], 2, dtype=weight.dtype, device=x.device)  # (B, K, P, 2)
    _backward[grid](grad, x, start, weight, grad_x, sums, *x.shape[1:], BLOCK=block, number=_number(x))
    return grad_x, sums.sum((0, 2)).to(offsets.dtype)


def _grid(x: Tensor) -> tuple[tuple[int, int], int]:
    """Number of programs, (B K, P), and the pixels of each."""
    pixels = x.shape[2] * x.shape[3]
    block = min(MAX_BLOCK, triton.next_power_of_2(pixels))
    return (x.shape[0] * x.shape[1], triton.cdiv(pixels, block)), block


def _taps(x: Tensor, offsets: Tensor, *, adjoint: bool = False) -> tuple[Tensor, Tensor]:
    start, weight = taps(offsets, *x.shape[2:], adjoint=adjoint)
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    return start.int().contiguous(), weight.to(dtype).contiguous()


def _number(x: Tensor) -> tl.dtype:
    return tl.float64 if x.dtype == torch.float64 else tl.float32
