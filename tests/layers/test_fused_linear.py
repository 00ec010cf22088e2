"""A linear layer and its GELU in one call."""

from __future__ import annotations

import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmpose_ext.layers.fused_linear import FusedLinear, has_fused_linear, use_fused_linear


def pair(activation: str) -> tuple[nn.Linear, FusedLinear]:
    torch.manual_seed(0)
    linear = nn.Linear(8, 12)
    return linear, FusedLinear(linear, activation=activation)


def expected(linear: nn.Linear, x: torch.Tensor, activation: str) -> torch.Tensor:
    return F.gelu(linear(x)) if activation == "gelu" else linear(x)


def calls(run) -> set[str]:
    """Names of the operations that are run."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        run()
    return {event.key for event in profile.key_averages()}


@pytest.mark.skipif(not has_fused_linear(), reason="this PyTorch has no fused linear layer")
@pytest.mark.parametrize("activation", ["none", "gelu"])
def test_one_call_without_a_gradient(activation):
    linear, fused = pair(activation)
    x = torch.randn(2, 5, 8)
    with torch.no_grad():
        torch.testing.assert_close(fused(x), expected(linear, x, activation))
        assert {"mkldnn::_linear_pointwise"} <= calls(lambda: fused(x))
        assert not {"aten::gelu", "aten::linear"} & calls(lambda: fused(x))


@pytest.mark.parametrize("activation", ["none", "gelu"])
def test_a_gradient_is_right(activation):
    linear, fused = pair(activation)
    x = torch.randn(2, 5, 8, requires_grad=True)
    (got,) = torch.autograd.grad(fused(x).sum(), x)
    (wanted,) = torch.autograd.grad(expected(linear, x, activation).sum(), x)
    assert torch.equal(got, wanted)


def test_another_type():
    linear, fused = pair("gelu")
    x = torch.randn(3, 8, dtype=torch.bfloat16)
    with torch.no_grad():
        assert torch.equal(fused.bfloat16()(x), F.gelu(linear.bfloat16()(x)))


def test_a_frozen_graph():
    """Tracing can't follow the fused call; ``mmpose-ext bench --mode frozen`` and the counting of operations trace."""
    linear, fused = pair("gelu")
    x = torch.randn(3, 8)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is on its way out
        frozen = torch.jit.freeze(torch.jit.trace(fused.eval(), x))
        torch.testing.assert_close(frozen(x), expected(linear, x, "gelu"))


def test_the_parameters_are_those_of_the_layer():
    linear, fused = pair("gelu")
    assert fused.weight is linear.weight and fused.bias is linear.bias
    assert list(fused.state_dict()) == list(linear.state_dict())


class Crossed(nn.Module):
    """A GELU that is registered behind a layer and applied before it."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)
        self.act = nn.GELU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(self.act(x))


def test_only_a_gelu_that_follows_is_taken_in():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 8), nn.GELU("tanh"), Crossed(), nn.Linear(8, 4)
    ).eval()
    x = torch.randn(3, 8)
    with torch.no_grad():
        before = model(x)
        for _ in range(2):  # the second time does nothing
            use_fused_linear(model)
            torch.testing.assert_close(model(x), before)
    fused = [module.activation for module in model.modules() if isinstance(module, FusedLinear)]
    assert fused == ["gelu", "none", "none", "none"]
    assert isinstance(model[1], nn.Identity) and isinstance(model[3], nn.GELU)
