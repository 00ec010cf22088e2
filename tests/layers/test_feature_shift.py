"""The shift operator: one definition, and every form of it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mmpose_ext.layers.feature_shift import cpu, feature_shift, feature_shift_reference
from mmpose_ext.layers.feature_shift.composed import shift_composed

SHAPES = [(2, 7, 5, 9), (3, 5, 6, 4), (1, 1, 1, 1), (2, 3, 1, 4), (1, 4, 8, 1)]


def naive(x: Tensor, offsets: Tensor) -> Tensor:
    """Eq. (1), pixel by pixel."""
    out = torch.zeros_like(x)
    batch, channels, height, width = x.shape
    for k in range(channels):
        dx, dy = offsets[k].tolist()
        for y in range(height):
            for column in range(width):
                sx, sy = column - dx, y - dy
                for i in (math.floor(sx), math.floor(sx) + 1):
                    for j in (math.floor(sy), math.floor(sy) + 1):
                        if 0 <= i < width and 0 <= j < height:
                            share = (1 - abs(sx - i)) * (1 - abs(sy - j))
                            out[:, k, y, column] += share * x[:, k, j, i]
    return out


def case(shape: tuple[int, ...], *, spread: float = 4.0, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """A map, offsets and the gradient of the output."""
    generator = torch.Generator().manual_seed(seed)
    x, grad = (torch.randn(*shape, dtype=torch.float64, generator=generator) for _ in range(2))
    offsets = spread * torch.randn(shape[1], 2, dtype=torch.float64, generator=generator)
    return x.requires_grad_(), offsets.requires_grad_(), grad


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("form", [feature_shift, feature_shift_reference, shift_composed])
def test_is_the_equation(form, shape) -> None:
    x, offsets, _ = case(shape, spread=3)
    torch.testing.assert_close(form(x, offsets), naive(x.detach(), offsets.detach()))


@pytest.mark.parametrize("chunk", [1, 60, 200, 2**18])
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_equal_those_of_the_reference(shape, chunk, monkeypatch) -> None:
    monkeypatch.setattr(cpu, "CHUNK", chunk)
    x, offsets, grad = case(shape)
    ours = torch.autograd.grad(feature_shift(x, offsets), (x, offsets), grad)
    torch.testing.assert_close(ours, torch.autograd.grad(feature_shift_reference(x, offsets), (x, offsets), grad))


def test_gradcheck_twice() -> None:
    x, offsets, _ = case((2, 3, 4, 3), spread=1.5)
    assert torch.autograd.gradcheck(feature_shift, (x, offsets))
    assert torch.autograd.gradgradcheck(feature_shift, (x, offsets))


@pytest.mark.parametrize("wanted", ["x", "offsets"])
def test_one_gradient_alone(wanted) -> None:
    x, offsets, grad = case((2, 3, 4, 3))
    tensors = dict(x=x, offsets=offsets)
    (both,) = torch.autograd.grad(feature_shift(x, offsets), [tensors[wanted]], grad)
    frozen = {name: tensor if name == wanted else tensor.detach() for name, tensor in tensors.items()}
    torch.testing.assert_close(torch.autograd.grad(feature_shift(**frozen), [tensors[wanted]], grad)[0], both)
    first = torch.autograd.grad(feature_shift(**frozen).square().sum(), [tensors[wanted]], create_graph=True)[0]
    assert torch.autograd.grad(first.sum(), [tensors[wanted]])[0].any()


@pytest.mark.parametrize("at", [0.0, 1.0, -2.0])
@pytest.mark.parametrize("form", [feature_shift, shift_composed])
def test_at_integers_the_derivative_is_that_from_the_left(form, at) -> None:
    """Offsets begin at 0: a derivative that is 0 there would never let them move."""
    x, _, grad = case((2, 3, 5, 4))
    offsets = torch.full((3, 2), at, dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(form(x, offsets), [offsets], grad)
    step = 1e-6
    for k in range(3):
        for axis in range(2):
            left = offsets.detach().clone()
            left[k, axis] -= step
            slope = ((naive(x.detach(), offsets.detach()) - naive(x.detach(), left)) * grad).sum() / step
            assert found[k, axis].item() == pytest.approx(slope.item(), abs=1e-4)
    assert found.abs().min() > 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_precision(dtype) -> None:
    """Half precision is computed in float32, so that it differs by its own rounding only."""
    x, offsets, grad = case((2, 5, 6, 7))
    exact = (
        feature_shift_reference(x, offsets),
        *torch.autograd.grad(feature_shift_reference(x, offsets), (x, offsets), grad),
    )
    low = x.detach().to(dtype).requires_grad_()
    single = offsets.detach().float().requires_grad_()
    out = feature_shift(low, single)
    grads = torch.autograd.grad(out, (low, single), grad.to(dtype))
    assert [tensor.dtype for tensor in (out, *grads)] == [dtype, dtype, torch.float32]
    tolerance = 4 * torch.finfo(dtype).eps * 8
    for ours, wanted in zip((out, *grads), exact, strict=True):
        assert (ours.double() - wanted).abs().max() <= tolerance * max(1.0, wanted.abs().max())


def test_autocast_and_memory_format() -> None:
    x, offsets, _ = case((2, 4, 5, 6))
    x, offsets = x.detach().float(), offsets.detach().float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert feature_shift(x.bfloat16(), offsets).dtype == torch.bfloat16
    last = x.to(memory_format=torch.channels_last).requires_grad_()
    out = feature_shift(last, offsets)
    assert out.is_contiguous()
    torch.testing.assert_close(out, feature_shift(x, offsets))
    out.backward(torch.ones_like(out).to(memory_format=torch.channels_last))
    assert last.grad is not None and last.grad.any()


@pytest.mark.parametrize("far", [9.0, -9.0, 100.5, 1e30])
def test_offsets_beyond_the_map(far) -> None:
    x, _, grad = case((2, 3, 4, 5))
    offsets = torch.full((3, 2), far, dtype=torch.float64, requires_grad=True)
    out = feature_shift(x, offsets)
    assert not out.any()
    assert not any(gradient.any() for gradient in torch.autograd.grad(out, (x, offsets), grad))


def test_a_pixel_at_the_edge_comes_back_in_part() -> None:
    """Half of the last column is still seen at W - 1/2, nothing at W."""
    x = torch.ones(1, 2, 1, 3, dtype=torch.float64)
    offsets = torch.tensor([[2.5, 0.0], [3.0, 0.0]], dtype=torch.float64)
    assert feature_shift(x, offsets)[0, :, 0].tolist() == [[0.0, 0.0, 0.5], [0.0, 0.0, 0.0]]


def test_empty_batch() -> None:
    x = torch.zeros(0, 3, 4, 5, requires_grad=True)
    offsets = torch.ones(3, 2, requires_grad=True)
    out = feature_shift(x, offsets)
    out.sum().backward()
    assert out.shape == x.shape and x.grad is not None and offsets.grad is not None and not offsets.grad.any()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_offsets_that_are_no_numbers(bad) -> None:
    with pytest.raises(ValueError, match=r"finite offsets, got .* in channel 1 \(1 in all\)"):
        feature_shift(torch.zeros(1, 2, 3, 3), torch.tensor([[0.0, 0.0], [0.0, bad]]))


@pytest.mark.parametrize(
    ("x", "offsets"),
    [
        (torch.zeros(2, 3, 3), torch.zeros(3, 2)),
        (torch.zeros(1, 3, 4, 4), torch.zeros(4, 2)),
        (torch.zeros(1, 3, 4, 4), torch.zeros(3, 1)),
        (torch.zeros(1, 3, 4, 4), torch.zeros(6)),
    ],
)
def test_shapes_that_do_not_fit(x, offsets) -> None:
    with pytest.raises(ValueError, match="an offset .* for each of its K channels"):
        feature_shift(x, offsets)


def test_integers_are_refused() -> None:
    with pytest.raises(ValueError, match="floating point"):
        feature_shift(torch.zeros(1, 3, 4, 4, dtype=torch.int64), torch.zeros(3, 2))


def test_compiles_without_a_break() -> None:
    x, offsets, grad = case((2, 3, 5, 4))
    compiled = torch.compile(lambda x, offsets: feature_shift(x * 2, offsets) + 1, fullgraph=True, backend="aot_eager")
    ours = torch.autograd.grad(compiled(x, offsets), (x, offsets), grad)
    eager = torch.autograd.grad(feature_shift(x * 2, offsets) + 1, (x, offsets), grad)
    torch.testing.assert_close(ours, eager)


def test_traces_and_freezes() -> None:
    class Shift(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.offsets = torch.nn.Parameter(torch.randn(3, 2))

        def forward(self, x: Tensor) -> Tensor:
            return feature_shift(x, self.offsets)

    module = Shift().eval()
    traced = torch.jit.freeze(torch.jit.trace(module, torch.randn(2, 3, 5, 4)))
    x = torch.randn(4, 3, 7, 6)
    torch.testing.assert_close(traced(x), module(x))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_devices_take_the_composed_form(monkeypatch, dtype: torch.dtype) -> None:
    """As if this were one without our kernels: same values and gradients."""
    results = []
    for devices in ({"cpu"}, {"cuda"}):
        monkeypatch.setattr("mmpose_ext.layers.feature_shift.functional.DEVICES", devices)
        torch.manual_seed(0)
        x = torch.randn(2, 5, 7, 6).to(dtype).requires_grad_()
        offsets = (torch.randn(5, 2) * 3).requires_grad_()
        out = feature_shift(x, offsets)
        assert out.dtype == dtype
        out.float().square().sum().backward()
        results.append((type(out.grad_fn).__name__, out, x.grad, offsets.grad))
    (own, *expected), (other, *found) = results
    assert "FeatureShift" in own and "FeatureShift" not in other
    for one, two in zip(expected, found, strict=True):
        torch.testing.assert_close(one, two, rtol=0.02 if dtype == torch.bfloat16 else 1e-4, atol=1e-4)
