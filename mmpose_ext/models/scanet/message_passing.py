"""Bi-directional message passing (BDMP) between the scales of a hourglass.

Bi-directional Message Passing Based SCANet for Human Pose Estimation, section 2.1, equations (1) to (3).

Deviations:
    - None in the result. All features of Eq. (1) and (2) have the resolution of the highest, where most of them hold
      each value of a smaller map many times. What depends on one such map alone is computed at its own resolution,
      see :mod:`.resolution`: the first message of Eq. (2), and what the 1x1 convolution of Eq. (3) makes of F''_34.
    - The paper does not say whether the convolutions have a bias (here they do), whether norm or ReLU follow them
      (here not), and whether the levels share them (here not: only then the published 15.6M parameters come out).

Shapes: B batch, C channels (32), H W height and width of the highest resolution; level k is H / 2^k x W / 2^k. Lists of
maps start with the highest resolution, F_21.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmpose_ext.layers.sizes import check_maps
from mmpose_ext.models.scanet.resolution import convolve_upsampled, upsample


def top_down(maps: Sequence[Tensor], convs: Sequence[nn.Conv2d]) -> list[Tensor]:
    """Carry details from high to low resolution, Eq. (1).

    Args:
        maps: F_21 to F_24, level k of shape (B, C, H / 2^k, W / 2^k).
        convs: The 3x3 convolutions H, one per message.

    Returns:
        F'_31 to F'_34, each (B, C, H, W).
    """
    passed = [maps[0]]
    for level, (small, conv) in enumerate(zip(maps[1:], convs, strict=True), start=1):
        passed.append(upsample(small, 2**level) + conv(passed[-1]))  # Eq. (1)
    return passed


def bottom_up(maps: Sequence[Tensor], convs: Sequence[nn.Conv2d]) -> list[Tensor]:
    """Carry the view of the whole from low to high resolution, Eq. (2).

    Args:
        maps: F_21 to F_24, as for :func:`top_down`.
        convs: The 3x3 convolutions G, one per message, the one that leaves the lowest resolution first.

    Returns:
        F''_31 to F''_34, each (B, C, H, W) but the last, which is F_24 as it is: F''_34 is that map upsampled.
    """
    lowest = len(maps) - 1
    passed = [maps[lowest]]
    for level, conv in zip(reversed(range(lowest)), convs, strict=True):
        factor = 2**lowest if level == lowest - 1 else 1  # only F''_34 is kept small
        message = convolve_upsampled(passed[0], conv.weight, conv.bias, factor)
        passed.insert(0, upsample(maps[level], 2**level) + message)  # Eq. (2)
    return passed


def merge(details: Tensor, context: Tensor, conv: nn.Conv2d) -> Tensor:
    """Join both directions of one level, Eq. (3).

    The 1x1 convolution R of the concatenation is the sum of two matrix products, one for each part, so that nothing is
    concatenated and a small part is multiplied while it is small.

    Args:
        details: F'_3k, shape (B, C, H, W).
        context: F''_3k, or a smaller map that stands for it, upsampled.
        conv: R, 2C -> C channels.

    Returns:
        F_4k, shape (B, C, H, W), in ``channels_last`` memory.
    """
    left, right = conv.weight.flatten(1).split([details.shape[1], context.shape[1]], dim=1)
    fine, coarse = details.permute(0, 2, 3, 1), context.permute(0, 2, 3, 1)
    out = F.linear(fine, left, conv.bias)
    factor = details.shape[2] // context.shape[2]
    if factor > 1:
        return out.permute(0, 3, 1, 2) + upsample(F.linear(coarse, right).permute(0, 3, 1, 2), factor)  # Eq. (3)
    return torch.addmm(out.flatten(0, 2), coarse.flatten(0, 2), right.t()).view_as(out).permute(0, 3, 1, 2)  # Eq. (3)


class BiDirectionalMessagePassing(nn.Module):
    """BDMP: reduce the channels of a pyramid of maps and let its levels talk, in both directions.

    As a neck it maps the levels of a backbone to as many maps of the highest resolution.

    Args:
        in_channels: Channels of each map, the highest resolution first. The paper's are 256, four times.
        channels: C, to which a 1x1 convolution reduces each map first. A map that has C already is taken as it is.

    Raises:
        ValueError: If there are fewer than two maps, or a map is not half as large as the one before it.
    """

    def __init__(self, in_channels: Sequence[int], channels: int = 32) -> None:
        super().__init__()
        self.in_channels = levels_of(in_channels)
        self.reduce = make_reductions(self.in_channels, channels)
        self.out_channels = (channels,) * len(in_channels)
        messages = len(in_channels) - 1
        self.top_down = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(messages))  # H
        self.bottom_up = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(messages))  # G
        self.merge = nn.ModuleList(nn.Conv2d(2 * channels, channels, 1) for _ in in_channels)  # R

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Pass messages.

        Args:
            maps: F_11 to F_14, level k of shape (B, C_in, H / 2^k, W / 2^k).

        Returns:
            F_41 to F_44, each (B, C, H, W).
        """
        check_pyramid(maps, self.in_channels)
        reduced = [conv(x) for conv, x in zip(self.reduce, maps, strict=True)]
        details = top_down(reduced, self.top_down)
        context = bottom_up(reduced, self.bottom_up)
        return tuple(merge(fine, coarse, conv) for fine, coarse, conv in zip(details, context, self.merge, strict=True))


class MultiScaleFeatureIntegration(nn.Module):
    """MSFI: reduce the channels of a pyramid of maps, bring all to the highest resolution, and concatenate them.

    As a neck it maps the levels of a backbone to one map, for a head without deconvolutions.

    Args:
        in_channels: Channels of each map, the highest resolution first.
        channels: C, to which each map is reduced.
        message_passing: Whether :class:`BiDirectionalMessagePassing` stands before the concatenation.

    Raises:
        ValueError: As :class:`BiDirectionalMessagePassing`.
    """

    def __init__(self, in_channels: Sequence[int], channels: int = 32, *, message_passing: bool = False) -> None:
        super().__init__()
        self.in_channels = levels_of(in_channels)
        self.message_passing = BiDirectionalMessagePassing(self.in_channels, channels) if message_passing else None
        self.reduce = nn.ModuleList() if message_passing else make_reductions(self.in_channels, channels)
        self.out_channels = channels * len(in_channels)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor]:
        """Map F_11 to F_14, level k of shape (B, C_in, H / 2^k, W / 2^k), to one map (B, 4C, H, W)."""
        if self.message_passing is not None:
            levels = self.message_passing(maps)
        else:
            check_pyramid(maps, self.in_channels)
            levels = tuple(upsample(conv(x), 2**k) for k, (conv, x) in enumerate(zip(self.reduce, maps, strict=True)))
        return (torch.cat(levels, dim=1),)


def levels_of(in_channels: Sequence[int]) -> tuple[int, ...]:
    """The channels of each map as a tuple; raise a ValueError unless there are two maps or more."""
    if isinstance(in_channels, int) or len(in_channels) < 2:
        raise ValueError(f"in_channels must be two or more numbers, one for each map, got {in_channels!r}")
    return tuple(in_channels)


def make_reductions(in_channels: Sequence[int], channels: int) -> nn.ModuleList:
    """The 1x1 convolutions from F_11 ... F_14 to F_21 ... F_24; none where a map has the channels already."""
    return nn.ModuleList(nn.Identity() if n == channels else nn.Conv2d(n, channels, 1) for n in in_channels)


def check_pyramid(maps: Sequence[Tensor], channels: Sequence[int]) -> None:
    """Raise a ValueError unless there is a map for each number of channels, half as large as the one before it."""
    check_maps("message passing or integration", maps, channels)
    sizes = [tuple(x.shape[2:]) for x in maps]
    halves = all((2 * b[0], 2 * b[1]) == a for a, b in zip(sizes, sizes[1:], strict=False))
    if not halves:
        raise ValueError(f"expected maps each half as high and wide as the one before it, got sizes {sizes}")
