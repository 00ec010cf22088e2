"""Each equation of SSN against a loop."""

from __future__ import annotations

import math

import pytest
import torch

from mmpose_ext.models.ssn import CorrelationAttention, FeatureShiftModule, LearnedShift
from mmpose_ext.models.ssn.correlation_attention import spatial_normalization
from mmpose_ext.models.ssn.feature_shift_module import window_energy


def module(**config) -> FeatureShiftModule:
    """An FSM in which every number counts: random norms, offsets of a pixel or so."""
    torch.manual_seed(0)
    fsm = FeatureShiftModule(4, shift_channels=5, **config).double().eval()
    for name, parameter in fsm.named_parameters():
        torch.nn.init.normal_(parameter, mean=float(name.endswith("norm.weight")), std=0.3)
    for name, buffer in fsm.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(std=0.3)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    return fsm


def image() -> torch.Tensor:
    return torch.randn(2, 4, 6, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def batch_norm(value: float, norm: torch.nn.BatchNorm2d, channel: int) -> float:
    mean, variance = norm.running_mean[channel].item(), norm.running_var[channel].item()
    return (value - mean) / math.sqrt(variance + norm.eps) * norm.weight[channel].item() + norm.bias[channel].item()


def test_offsets_are_fractions_of_the_longer_side() -> None:
    shift = LearnedShift(2)
    torch.nn.init.constant_(shift.offsets, 0.25)
    assert shift.pixel_offsets(64, 48).tolist() == [[16.0, 16.0], [16.0, 16.0]]
    x = torch.zeros(1, 2, 8, 4)
    x[0, :, 1, 0] = 1
    assert shift(x).nonzero()[:, 2:].tolist() == [[3, 2], [3, 2]]  # two down, two to the right


def test_offsets_start_at_zero_and_move() -> None:
    shift = LearnedShift(3)
    assert not shift.offsets.any()
    shift(torch.randn(2, 3, 5, 4)).square().sum().backward()
    assert shift.offsets.grad is not None and shift.offsets.grad.all()


@pytest.mark.parametrize("activation", ["softplus", "sigmoid"])
def test_correlation_attention(activation) -> None:
    fsm, x = module(attention=activation), image()
    attention = fsm.attention
    assert isinstance(attention, CorrelationAttention)
    f = torch.zeros(2, 5, 6, 7, dtype=torch.float64)
    for b in range(2):
        for k in range(5):
            for y in range(6):
                for column in range(7):
                    value = sum(
                        attention.conv.weight[k, c].item() * x[b, c, y, column].item() for c in range(4)
                    ) + attention.conv.bias[k].item()  # fmt: skip
                    value = batch_norm(value, attention.norm, k)
                    f[b, k, y, column] = (
                        math.log1p(math.exp(value)) if activation == "softplus" else 1 / (1 + math.exp(-value))
                    )
    wanted = f / f.sum((2, 3), keepdim=True) if activation == "softplus" else f
    with torch.no_grad():
        torch.testing.assert_close(attention(x), wanted)


def test_attention_sums_to_one_and_never_divides_by_zero() -> None:
    f = torch.rand(2, 3, 4, 5)
    torch.testing.assert_close(spatial_normalization(f).sum((2, 3)), torch.ones(2, 3))
    assert not spatial_normalization(torch.zeros(1, 1, 2, 2)).any()


@pytest.mark.parametrize("attention", ["softplus", None])
def test_equation_4(attention) -> None:
    """Q_c = ReLU(BN(P_c + sum_k w_ck F_k S_k)), with S_k sampled from the interpolated map of Eq. (3)."""
    fsm, x = module(attention=attention), image()
    assert isinstance(fsm.shift, LearnedShift)
    offsets = fsm.shift.pixel_offsets(6, 7)
    with torch.no_grad():
        weights = fsm.attention(x) if fsm.attention is not None else torch.ones(2, 5, 6, 7, dtype=torch.float64)
        out = fsm(x)
    padded = torch.nn.functional.pad(x, (20, 20, 20, 20))
    for b, c, y, column in [(0, 0, 0, 0), (1, 3, 5, 6), (0, 2, 3, 1), (1, 1, 2, 4)]:
        total = x[b, c, y, column].item() + fsm.expand.bias[c].item()
        for k in range(5):
            sx, sy = column - offsets[k, 0].item(), y - offsets[k, 1].item()
            s = 0.0
            for i in (math.floor(sx), math.floor(sx) + 1):
                for j in (math.floor(sy), math.floor(sy) + 1):
                    if 0 <= i < 7 and 0 <= j < 6:
                        r = (fsm.reduce.weight[k, :, 0, 0] @ padded[b, :, j + 20, i + 20]).item()
                        s += (1 - abs(sx - i)) * (1 - abs(sy - j)) * (r + fsm.reduce.bias[k].item())
            total += fsm.expand.weight[c, k].item() * weights[b, k, y, column].item() * s
        assert out[b, c, y, column].item() == pytest.approx(max(0.0, batch_norm(total, fsm.norm, c)))


def test_equation_5() -> None:
    fsm = module()
    attention = torch.rand(5, dtype=torch.float64)
    energy = window_energy(fsm, attention)
    assert energy.shape == (4, 5)
    for c in range(4):
        for k in range(5):
            weights = [fsm.expand.weight[c, k] * fsm.reduce.weight[k, d] * attention[k] for d in range(4)]
            assert energy[c, k].item() == pytest.approx(abs(sum(w.item() for w in weights)))


def test_left_out_until_it_is_inserted() -> None:
    fsm, x = module(), image()
    fsm.inserted = False
    assert fsm(x) is x
    fsm.inserted = True
    assert not torch.equal(fsm(x), x)


@pytest.mark.parametrize("config", [dict(shift_channels=0), dict(in_channels=0)])
def test_no_channels(config) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        FeatureShiftModule(**{"in_channels": 4, "shift_channels": 4, **config})


def test_another_number_of_channels() -> None:
    with pytest.raises(ValueError, match=r"4 channels, got \(1, 3, 5, 5\)"):
        FeatureShiftModule(4, 8)(torch.zeros(1, 3, 5, 5))


def test_an_unknown_attention() -> None:
    with pytest.raises(ValueError, match="softplus, sigmoid"):
        FeatureShiftModule(4, 8, attention="tanh")  # type: ignore[arg-type]


def test_under_autocast_and_in_half_precision() -> None:
    fsm, x = FeatureShiftModule(4, 8), torch.randn(2, 4, 8, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = fsm(x).square().mean()
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in fsm.parameters() if p.grad is not None)
    low = fsm.eval().bfloat16()(x.bfloat16())
    assert low.dtype == torch.bfloat16 and torch.isfinite(low).all()
