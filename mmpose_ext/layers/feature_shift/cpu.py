"""The shift on a CPU: torch only, a few maps at a time, so that all steps but the first and the last stay in the cache.

Maps are copied into rows with zeros between them. There any window of W + 1 pixels, in view or not, is a contiguous
piece of memory, so that gathering the windows of a map is one ``memcpy`` for each row (``index_select`` on an
overlapping view). Two linear interpolations make the shifted map of it.

In backward direction the same window of the output's gradient gives all three gradients: interpolated it is the
gradient of the input, and the gradients of an offset are its differences, correlated with the input.

Source, deviations and shapes: see :mod:`.taps`; B batch, b k the samples and channels of a chunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from mmpose_ext.layers.feature_shift.taps import Taps, taps

CHUNK = 2**18
"""Numbers in the buffer of a chunk, for each thread: 1 MB in float32, half of a usual L2 cache."""


class Chunk(NamedTuple):
    """Some maps and what they are shifted from.

    Attributes:
        part: Their place: a slice of the samples and one of the channels.
        window: (b, k, H + 1, W + 1), the pixels that the taps see; a buffer of the next chunk too.
        rows: (b, k, H, W + 1), the same interpolated along the height; a buffer of the next chunk too.
        weight: (k, 1, 1), weight of the second tap along the width.
    """

    part: tuple[slice, slice]
    window: Tensor
    rows: Tensor
    weight: Tensor


def shift_cpu(x: Tensor, offsets: Tensor) -> Tensor:
    """Shift each channel by its own offset, Eq. (1).

    Args:
        x: (B, K, H, W).
        offsets: (K, 2), in pixels.

    Returns:
        (B, K, H, W), contiguous.
    """
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    for part, _, rows, weight in _chunks(x, taps(offsets, *x.shape[2:])):
        if out.dtype == rows.dtype:
            torch.lerp(rows[..., :-1], rows[..., 1:], weight, out=out[part])
        else:
            out[part] = torch.lerp(rows[..., :-1], rows[..., 1:], weight)
    return out


def shift_backward_cpu(grad: Tensor, x: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of :func:`shift_cpu`.

    Args:
        grad: Gradient of the output, (B, K, H, W).
        x: The input, (B, K, H, W).
        offsets: (K, 2), in pixels.

    Returns:
        Gradients of the input, (B, K, H, W), and of the offsets, (K, 2).
    """
    grad_x = torch.empty_like(x, memory_format=torch.contiguous_format)
    grad_offsets = torch.zeros(len(offsets), 2, dtype=_compute_dtype(x))
    for part, window, rows, weight in _chunks(grad, taps(offsets, *x.shape[2:], adjoint=True)):
        source = x[part].to(rows.dtype)
        across = rows[..., 1:] - rows[..., :-1]
        down = window[..., 1:, :] - window[..., :-1, :]
        down = torch.lerp(down[..., :-1], down[..., 1:], weight)
        grad_x[part] = torch.addcmul(rows[..., :-1], across, weight)
        for axis, difference in enumerate((across, down)):
            grad_offsets[part[1], axis] += difference.mul_(source).sum((0, 2, 3))
    return grad_x, grad_offsets.to(offsets.dtype)


def _chunks(x: Tensor, taps: Taps) -> Iterator[Chunk]:
    """Gather the windows of all maps, as many at a time as fit into the cache.

    Args:
        x: (B, K, H, W).
        taps: Of all K channels.
    """
    batch, channels, height, width = x.shape
    dtype = _compute_dtype(x)
    stride = 2 * width + 1  # of a row: W + 1 zeros, which both neighbours share, and W pixels
    size = (height + 1) * stride  # of a map: H rows and one of zeros
    maps = max(1, CHUNK * torch.get_num_threads() // size)
    k = min(channels, maps)
    b = max(1, min(batch, maps // k))
    buffer = torch.zeros(b * k * size + width + 1, dtype=dtype)
    windows = buffer.as_strided((b * k * size + 1, width + 1), (1, 1))  # one that begins at each number
    window = torch.empty(b * k * (height + 1), width + 1, dtype=dtype)
    rows = torch.empty(b * k, height, width + 1, dtype=dtype)

    row = torch.arange(height + 1) + taps.start[:, 1:]  # (K, H + 1)
    row = torch.where((row >= 0) & (row < height), row, height)
    begin = row * stride + taps.start[:, :1] + width + 1
    begin_of_map = torch.arange(b * k).mul_(size).unsqueeze(1)
    weight = taps.weight.to(dtype)[:, :, None, None]
    for channel in range(0, channels, k):
        of_channels = slice(channel, min(channel + k, channels))
        n = of_channels.stop - channel
        index = begin_of_map[: b * n] + begin[of_channels].repeat(b, 1)
        for sample in range(0, batch, b):
            part = slice(sample, min(sample + b, batch)), of_channels
            shape = (part[0].stop - sample, n)
            m = shape[0] * n
            buffer[: m * size].view(*shape, height + 1, stride)[:, :, :height, width + 1 :] = x[part]
            seen = window[: m * (height + 1)]
            torch.index_select(windows, 0, index[:m].flatten(), out=seen)
            seen = seen.view(*shape, height + 1, width + 1)
            interpolated = rows[:m].view(*shape, height, width + 1)
            torch.lerp(seen[:, :, :-1], seen[:, :, 1:], weight[of_channels, 1], out=interpolated)
            yield Chunk(part, seen, interpolated, weight[of_channels, 0])


def _compute_dtype(x: Tensor) -> torch.dtype:
    return torch.float32 if x.dtype in (torch.float16, torch.bfloat16) else x.dtype
