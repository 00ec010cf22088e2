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
"""Numbers in the largest buffer of a chunk, for each thread: 1 MB in float32, half of a usual L2 cache."""


class Buffers(NamedTuple):
    """Working memory of the chunks of one shape, and the views into it that the steps need.

    Attributes:
        pixels: (b, k, H, W), where the maps go; zeros around it.
        gathered: (b k (H + 1), W + 1), the rows of all windows.
        upper: (b, k, H, W + 1), the pixels that the taps see; the first along the height.
        lower: (b, k, H, W + 1), the second.
        rows: (b, k, H, W + 1), both interpolated along the height.
        down: (b, k, H, W + 1), free.
        across: (b, k, H, W), free.
        spare: (b, k, H, W), free once ``rows`` is not needed any more.
    """

    pixels: Tensor
    gathered: Tensor
    upper: Tensor
    lower: Tensor
    rows: Tensor
    down: Tensor
    across: Tensor
    spare: Tensor


class Chunk(NamedTuple):
    """Some maps and what they are shifted from.

    Attributes:
        part: Their place: a slice of the samples and one of the channels.
        buffers: What the next chunk uses too; ``upper``, ``lower`` and ``rows`` are filled.
        weight: (k, 1, 1), weight of the second tap along the width.
    """

    part: tuple[slice, slice]
    buffers: Buffers
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
    for part, buffers, weight in _chunks(x, taps(offsets, *x.shape[2:])):
        target = out[part] if out.dtype == weight.dtype else buffers.across
        torch.lerp(buffers.rows[..., :-1], buffers.rows[..., 1:], weight, out=target)
        if target is buffers.across:
            out[part] = target
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
    for part, buffers, weight in _chunks(grad, taps(offsets, *x.shape[2:], adjoint=True)):
        source = x[part].to(weight.dtype)
        left, right = buffers.rows[..., :-1], buffers.rows[..., 1:]
        across = torch.sub(right, left, out=buffers.across)
        if grad_x.dtype == weight.dtype:
            torch.addcmul(left, across, weight, out=grad_x[part])
        else:
            grad_x[part] = torch.addcmul(left, across, weight)
        down = torch.sub(buffers.lower, buffers.upper, out=buffers.down)
        down = torch.lerp(down[..., :-1], down[..., 1:], weight, out=buffers.spare)
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
    stride = 2 * width + 1  # of a row: W + 1 zeros, which both neighbors share, and W pixels
    size = (height + 1) * stride  # of a map: H rows and one of zeros
    k, b = _parts(batch, channels, max(1, CHUNK * torch.get_num_threads() // size))
    memory = torch.zeros(b * k * size + width + 1, dtype=dtype)
    windows = memory.as_strided((b * k * size + 1, width + 1), (1, 1))  # one that begins at each number
    work = torch.empty(4, b * k * (height + 1) * (width + 1), dtype=dtype)

    row = torch.arange(height + 1) + taps.start[:, 1:]  # (K, H + 1)
    row = torch.where((row >= 0) & (row < height), row, height)
    begin = row * stride + taps.start[:, :1] + width + 1
    begin_of_map = torch.arange(b * k).mul_(size).unsqueeze(1)
    weight_x, weight_y = taps.weight.to(dtype)[:, :, None, None].unbind(1)
    known: dict[
        tuple[int, int], Buffers
    ] = {}  # views cost more than they look: 27 for each chunk, and hundreds of these
    for channel in range(0, channels, k):
        of_channels = slice(channel, min(channel + k, channels))
        n = of_channels.stop - channel
        index = (begin_of_map[: b * n] + begin[of_channels].repeat(b, 1)).flatten()
        for sample in range(0, batch, b):
            of_samples = slice(sample, min(sample + b, batch))
            shape = of_samples.stop - sample, n
            if shape not in known:
                known[shape] = _views(memory, work, shape, height, width)
            buffers = known[shape]
            part = of_samples, of_channels
            buffers.pixels.copy_(x[part])
            torch.index_select(windows, 0, index[: len(buffers.gathered)], out=buffers.gathered)
            torch.lerp(buffers.upper, buffers.lower, weight_y[of_channels], out=buffers.rows)
            yield Chunk(part, buffers, weight_x[of_channels])


def _parts(batch: int, channels: int, maps: int) -> tuple[int, int]:
    """Channels and samples of a chunk of at most so many maps, all chunks about equally large."""
    k = min(channels, maps)
    k = -(-channels // -(-channels // k))
    return k, max(1, min(batch, maps // k))


def _views(memory: Tensor, work: Tensor, shape: tuple[int, int], height: int, width: int) -> Buffers:
    """Lay out the working memory for ``shape`` = (b, k)."""
    maps, stride = shape[0] * shape[1], 2 * width + 1
    pixels = memory[: maps * (height + 1) * stride].view(*shape, height + 1, stride)
    gathered = work[0, : maps * (height + 1) * (width + 1)].view(*shape, height + 1, width + 1)
    rows, down = (each[: maps * height * (width + 1)].view(*shape, height, width + 1) for each in work[1:3])
    across, spare = (each[: maps * height * width].view(*shape, height, width) for each in (work[3], work[1]))
    return Buffers(
        pixels[:, :, :height, width + 1 :],
        gathered.view(-1, width + 1),
        gathered[:, :, :-1],
        gathered[:, :, 1:],
        rows,
        down,
        across,
        spare,
    )


def _compute_dtype(x: Tensor) -> torch.dtype:
    return torch.float32 if x.dtype in (torch.float16, torch.bfloat16) else x.dtype
