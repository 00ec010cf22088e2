"""Equations (2) to (4), each against a loop."""

import math

import pytest
import torch

from mmpose_ext.models.xhrnet.susa import (
    SpatiallyUnidimensionalSelfAttention,
    resample_weight,
    stripe_average,
    stripe_context,
)

B, C, H, W = 2, 6, 8, 5


def susa(axis: str, **kwargs) -> SpatiallyUnidimensionalSelfAttention:
    """A module whose every parameter matters."""
    module = SpatiallyUnidimensionalSelfAttention(C, axis, length=H if axis == "H" else W, **kwargs)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=1.0)
    return module.eval()


@pytest.mark.parametrize("axis", ["H", "W"])
def test_stripe_average_is_the_plain_mean_of_weighted_values(axis):
    x = torch.randn(B, H, W, C)
    weight = torch.randn(H if axis == "H" else W)
    expected = torch.zeros(B, W if axis == "H" else H, C)
    for b in range(B):
        for i in range(H):
            for j in range(W):
                if axis == "H":
                    expected[b, j] += x[b, i, j] * weight[i] / H
                else:
                    expected[b, i] += x[b, i, j] * weight[j] / W
    torch.testing.assert_close(stripe_average(x, weight, axis), expected)


@pytest.mark.parametrize("axis", ["H", "W"])
def test_stripe_context_sums_over_the_other_axis(axis):
    x = torch.randn(B, H, W, C)
    grouping = torch.randn(B, W if axis == "H" else H, C)
    expected = torch.zeros(B, H if axis == "H" else W, C)
    for i in range(H):
        for j in range(W):
            if axis == "H":
                expected[:, i] += x[:, i, j] * grouping[:, j]
            else:
                expected[:, j] += x[:, i, j] * grouping[:, i]
    torch.testing.assert_close(stripe_context(x, grouping, axis), expected)


@pytest.mark.parametrize("axis", ["H", "W"])
@pytest.mark.parametrize("fusion", ["mul", "add"])
def test_forward_is_the_papers_equations_written_as_loops(axis, fusion):
    module = susa(axis, fusion=fusion)
    x = torch.randn(1, C, H, W)
    plane = x[0] if axis == "H" else x[0].transpose(1, 2)  # the attended axis first: (C, L, S)
    length, other = plane.shape[1:]
    context = torch.zeros(C, length)
    for c in range(C):
        average = [sum(plane[c, i, j] * module.averaging[i] for i in range(length)) / length for j in range(other)]
        scores = [(module.grouping.weight[c] * a + module.grouping.bias[c]).detach() for a in average]
        total = sum(math.exp(s.item()) for s in scores)
        for i in range(length):
            context[c, i] = sum(plane[c, i, j] * math.exp(scores[j].item()) / total for j in range(other))
    expected = torch.zeros_like(plane)
    for i in range(length):
        value = [module.value.weight[c] @ context[:, i] + module.value.bias[c] for c in range(C)]
        mean = sum(value) / C
        variance = sum((v - mean) ** 2 for v in value) / C
        for c in range(C):
            normal = (value[c] - mean) / math.sqrt(variance.item() + 1e-5)
            attention = 1 / (1 + torch.exp(-(normal * module.norm.weight[c] + module.norm.bias[c])))
            expected[c, i] = plane[c, i] * attention if fusion == "mul" else plane[c, i] + attention
    expected = expected if axis == "H" else expected.transpose(1, 2)
    torch.testing.assert_close(module(x)[0], expected, rtol=1e-4, atol=1e-5)


def test_the_two_axes_are_mirror_images():
    h_wise, w_wise = susa("H"), SpatiallyUnidimensionalSelfAttention(C, "W", length=H)
    w_wise.load_state_dict(h_wise.state_dict())
    x = torch.randn(B, C, H, W)
    torch.testing.assert_close(w_wise(x.transpose(2, 3)).transpose(2, 3), h_wise(x))


def test_memory_format_does_not_change_the_result():
    module, x = susa("W"), torch.randn(B, C, H, W)
    torch.testing.assert_close(module(x.contiguous(memory_format=torch.channels_last)), module(x))


def test_a_larger_map_resamples_the_averaging_vector():
    module = susa("H")
    x = torch.randn(B, C, 2 * H, W)
    other = SpatiallyUnidimensionalSelfAttention(C, "H", length=2 * H).eval()
    other.load_state_dict(module.state_dict())  # resampled on load
    assert other.averaging.numel() == 2 * H
    torch.testing.assert_close(other(x), module(x))


def test_fixed_uses_the_first_entries_and_refuses_a_larger_map():
    module = SpatiallyUnidimensionalSelfAttention(C, "H", length=12, fixed=True).eval()
    torch.nn.init.normal_(module.averaging)
    cut = SpatiallyUnidimensionalSelfAttention(C, "H", length=H).eval()
    cut.load_state_dict({**module.state_dict(), "averaging": module.averaging[:H]})
    x = torch.randn(B, C, H, W)
    torch.testing.assert_close(module(x), cut(x))
    with pytest.raises(ValueError, match="expected a fixed averaging vector of 12 positions, got 7 in averaging"):
        module.load_state_dict({**module.state_dict(), "averaging": torch.ones(7)}, strict=False)
    with pytest.raises(ValueError, match="13 positions.*only 12"):
        module(torch.randn(B, C, 13, W))


def test_resampling_keeps_a_constant_and_the_gradient():
    weight = torch.full((8,), 0.7, requires_grad=True)
    longer = resample_weight(weight, 13)
    torch.testing.assert_close(longer, torch.full((13,), 0.7))
    longer.sum().backward()
    assert weight.grad.min() > 0
    assert resample_weight(weight, 8) is weight


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (dict(axis="D"), "axis must be 'H' or 'W', got 'D'"),
        (dict(fusion="max"), "fusion must be 'mul' or 'add', got 'max'"),
        (dict(length=0), "length must be at least 1, got 0"),
    ],
)
def test_bad_values(kwargs, message):
    with pytest.raises(ValueError, match=message):
        SpatiallyUnidimensionalSelfAttention(C, **{"axis": "H", "length": H, **kwargs})


@pytest.mark.parametrize("axis", ["H", "W"])
@pytest.mark.parametrize("fusion", ["mul", "add"])
def test_the_form_for_onnx_is_equal(axis, fusion):
    module, x = susa(axis, fusion=fusion), torch.randn(B, C, H, W)
    torch.testing.assert_close(module.forward_channels_first(x), module(x), rtol=1e-5, atol=1e-6)
