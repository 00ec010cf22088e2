"""Equations (1) to (3) against loops, and the arithmetic at low resolution against upsampling."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmpose_ext.models.scanet import BiDirectionalMessagePassing, MultiScaleFeatureIntegration
from mmpose_ext.models.scanet.message_passing import bottom_up, merge, top_down
from mmpose_ext.models.scanet.resolution import collapsed_kernels, convolve_upsampled, upsample

CHANNELS = 3
SIZES = [(16, 24), (8, 12), (4, 6), (2, 3)]


def pyramid(channels: int = CHANNELS, batch: int = 2) -> list[Tensor]:
    return [torch.randn(batch, channels, *size, dtype=torch.float64) for size in SIZES]


def convolutions(number: int = 3) -> nn.ModuleList:
    return nn.ModuleList(nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1) for _ in range(number)).double()


def naive_upsample(x: Tensor, height: int, width: int) -> Tensor:
    out = x.new_empty(*x.shape[:2], height, width)
    for row in range(height):
        for column in range(width):
            out[:, :, row, column] = x[:, :, row * x.shape[2] // height, column * x.shape[3] // width]
    return out


def naive_conv(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A 3x3 convolution with zeros around the map, position by position."""
    out = bias[None, :, None, None].repeat(len(x), 1, *x.shape[2:])
    for row in range(x.shape[2]):
        for column in range(x.shape[3]):
            for i in range(3):
                for j in range(3):
                    y, z = row + i - 1, column + j - 1
                    if 0 <= y < x.shape[2] and 0 <= z < x.shape[3]:
                        out[:, :, row, column] += x[:, :, y, z] @ weight[:, :, i, j].T
    return out


def full(maps: list[Tensor]) -> list[Tensor]:
    """F_31 to F_34."""
    return [naive_upsample(x, *SIZES[0]) for x in maps]


@torch.no_grad()
def naive_top_down(f3: list[Tensor], h: nn.ModuleList) -> list[Tensor]:
    out = [f3[0]]
    for k in range(1, len(f3)):
        out.append(f3[k] + naive_conv(out[k - 1], h[k - 1].weight, h[k - 1].bias))
    return out


@torch.no_grad()
def naive_bottom_up(f3: list[Tensor], g: nn.ModuleList) -> list[Tensor]:
    last = len(f3) - 1
    out = {last: f3[last]}
    for k in range(last - 1, -1, -1):
        out[k] = f3[k] + naive_conv(out[k + 1], g[last - 1 - k].weight, g[last - 1 - k].bias)
    return [out[k] for k in range(len(f3))]


def test_equation_1() -> None:
    maps, convs = pyramid(), convolutions()
    for got, expected in zip(top_down(maps, convs), naive_top_down(full(maps), convs), strict=True):
        torch.testing.assert_close(got, expected)


def test_equation_2() -> None:
    maps, convs = pyramid(), convolutions()
    got = bottom_up(maps, convs)
    assert got[-1] is maps[-1], "the lowest level stays small until somebody needs it"
    for one, expected in zip(got, naive_bottom_up(full(maps), convs), strict=True):
        torch.testing.assert_close(naive_upsample(one, *SIZES[0]), expected)


@pytest.mark.parametrize("level", range(4))
def test_equation_3(level: int) -> None:
    conv = nn.Conv2d(2 * CHANNELS, CHANNELS, 1).double()
    details, context = torch.randn(2, CHANNELS, *SIZES[0]).double(), torch.randn(2, CHANNELS, *SIZES[level]).double()
    both = torch.cat((details, naive_upsample(context, *SIZES[0])), dim=1)
    expected = torch.empty_like(details)
    for row in range(SIZES[0][0]):
        for column in range(SIZES[0][1]):
            expected[:, :, row, column] = both[:, :, row, column] @ conv.weight[:, :, 0, 0].T + conv.bias
    torch.testing.assert_close(merge(details, context, conv), expected)


def test_the_module_is_equations_1_to_3() -> None:
    module = BiDirectionalMessagePassing((5, 4, CHANNELS, 6), CHANNELS).double()
    maps = [torch.randn(2, c, *size).double() for c, size in zip((5, 4, CHANNELS, 6), SIZES, strict=True)]
    assert isinstance(module.reduce[2], nn.Identity), "a map that has C channels already is taken as it is"
    f3 = full([conv(x) for conv, x in zip(module.reduce, maps, strict=True)])
    first, second = naive_top_down(f3, module.top_down), naive_bottom_up(f3, module.bottom_up)
    for k, got in enumerate(module(maps)):
        torch.testing.assert_close(got, module.merge[k](torch.cat((first[k], second[k]), dim=1)))


def test_gradients_are_those_of_the_naive_form() -> None:
    """Training at the low resolution is training at the high one."""
    module = BiDirectionalMessagePassing((CHANNELS,) * 4, CHANNELS).double()
    maps = [x.requires_grad_() for x in pyramid(batch=1)]
    weights = [torch.randn(1, CHANNELS, *SIZES[0]).double() for _ in maps]

    def plain() -> list[Tensor]:
        f3 = [upsample(x, 2**k) for k, x in enumerate(maps)]
        first, second = [f3[0]], [f3[3]]
        for k in (1, 2, 3):
            first.append(f3[k] + module.top_down[k - 1](first[-1]))
        for k in (2, 1, 0):
            second.insert(0, f3[k] + module.bottom_up[2 - k](second[0]))
        return [conv(torch.cat(x, dim=1)) for conv, *x in zip(module.merge, first, second, strict=True)]

    leaves = [*maps, *module.parameters()]
    grads = [
        torch.autograd.grad(sum((x * w).sum() for x, w in zip(out, weights, strict=True)), leaves)
        for out in (module(maps), plain())
    ]
    for ours, expected in zip(*grads, strict=True):
        torch.testing.assert_close(ours, expected)


def test_integration_concatenates_upsampled_levels() -> None:
    module = MultiScaleFeatureIntegration((5, 4, 3, 6), 2).double()
    maps = [torch.randn(2, c, *size).double() for c, size in zip((5, 4, 3, 6), SIZES, strict=True)]
    (out,) = module(maps)
    levels = [naive_upsample(conv(x), *SIZES[0]) for conv, x in zip(module.reduce, maps, strict=True)]
    torch.testing.assert_close(out, torch.cat(levels, dim=1))
    assert module.out_channels == out.shape[1] == 8


def test_integration_with_messages_is_both() -> None:
    both = MultiScaleFeatureIntegration((CHANNELS,) * 4, CHANNELS, message_passing=True).double()
    maps = pyramid()
    torch.testing.assert_close(both(maps)[0], torch.cat(both.message_passing(maps), dim=1))


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("bias", [True, False])
def test_convolution_of_an_upsampled_map(factor: int, bias: bool) -> None:
    """Equal up to rounding, borders with their zeros included, for maps as small as one pixel."""
    for height, width in ((3, 5), (1, 1), (1, 4)):
        x = torch.randn(2, 4, height, width, dtype=torch.float64)
        weight = torch.randn(6, 4, 3, 3, dtype=torch.float64)
        offset = torch.randn(6, dtype=torch.float64) if bias else None
        expected = F.conv2d(upsample(x, factor), weight, offset, padding=1)
        torch.testing.assert_close(convolve_upsampled(x, weight, offset, factor), expected)


def test_collapsed_kernels_keep_the_sum_of_the_taps() -> None:
    """On a constant map, away from the border, every phase gives the same."""
    weight = torch.randn(4, 3, 3, 3)
    for factor, phases in ((2, 2), (4, 3), (8, 3)):
        kernels = collapsed_kernels(weight, factor)
        assert kernels.shape == (phases, phases, 4, 3, 3, 3)
        torch.testing.assert_close(kernels.sum((-1, -2)), weight.sum((-1, -2)).expand(phases, phases, 4, 3))


def test_maps_stay_channels_last() -> None:
    """A map in another layout would be copied before each convolution."""
    module = BiDirectionalMessagePassing((8, 8, 8, 8), 8)
    maps = [torch.randn(2, 8, *size).contiguous(memory_format=torch.channels_last) for size in SIZES]
    assert all(x.is_contiguous(memory_format=torch.channels_last) for x in module(maps))
    for batch in (
        1,
        2,
    ):  # with a batch of 1 the stride of the batch is free, and oneDNN is slow where it is not the usual
        small = torch.randn(batch, 8, 2, 3)
        out = convolve_upsampled(small, module.bottom_up[0].weight, None, 8)
        assert out.stride() == (8 * 16 * 24, 1, 24 * 8, 8)


def test_float32_is_as_exact_as_rounding() -> None:
    module = BiDirectionalMessagePassing((32,) * 4, 32)
    maps = [torch.randn(1, 32, 64 >> k, 64 >> k) for k in range(4)]
    double = BiDirectionalMessagePassing((32,) * 4, 32).double()
    double.load_state_dict(module.state_dict())
    for got, expected in zip(module(maps), double([x.double() for x in maps]), strict=True):
        torch.testing.assert_close(got, expected.float(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (pyramid()[:3], r"expects 4 maps with .* channels, got shapes \[\(2, \d, 16, 24\)"),
        ([pyramid()[0]] * 4, r"half as high and wide as the one before it, got sizes \[\(16, 24\), \(16, 24\)"),
        (pyramid()[0], "4 maps .* got one tensor of shape"),
    ],
)
@pytest.mark.parametrize("kind", [BiDirectionalMessagePassing, MultiScaleFeatureIntegration])
def test_maps_that_are_no_pyramid(kind: Any, maps: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind((CHANNELS,) * 4, CHANNELS).double()(maps)


@pytest.mark.parametrize("kind", [BiDirectionalMessagePassing, MultiScaleFeatureIntegration])
@pytest.mark.parametrize("in_channels", [256, (256,), ()])
def test_channels_that_are_no_pyramid(kind: Any, in_channels: Any) -> None:
    with pytest.raises(ValueError, match="in_channels must be two or more numbers"):
        kind(in_channels)
