"""Equations (4) to (9) against loops, and what the attention does at its limits."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from mmcv.cnn import build_plugin_layer
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS
from torch import Tensor

from mmpose_ext.models.scanet import SemanticsAwareChannelAttention, SemanticsEncoder, SharperSpatialAttention
from mmpose_ext.models.scanet.sharper import (
    MARGIN,
    gumbel_max,
    gumbel_noise,
    gumbel_softmax,
    log_probabilities,
    mean_gumbel_softmax,
    min_max_normalize,
    soft_attention,
)


def dilated(x: Tensor, weight: Tensor, bias: Tensor, dilation: int) -> Tensor:
    """A dilated 3x3 convolution with ReLU, position by position."""
    out = bias[None, :, None, None].repeat(len(x), 1, *x.shape[2:])
    for row in range(x.shape[2]):
        for column in range(x.shape[3]):
            for i in range(3):
                for j in range(3):
                    y, z = row + (i - 1) * dilation, column + (j - 1) * dilation
                    if 0 <= y < x.shape[2] and 0 <= z < x.shape[3]:
                        out[:, :, row, column] += x[:, :, y, z] @ weight[:, :, i, j].T
    return out.clamp_min(0)


def probabilities(*shape: int) -> Tensor:
    """Maps that reach 0 and 1, as Eq. (5) makes them."""
    return min_max_normalize(torch.rand(*shape))


def test_equation_4() -> None:
    encoder, x = SemanticsEncoder(3).double(), torch.randn(2, 3, 9, 7, dtype=torch.float64)
    assert encoder.conv1.out_channels == 6
    with torch.no_grad():
        wide = dilated(x, encoder.conv1.weight, encoder.conv1.bias, 2)
        wide = dilated(wide, encoder.conv2.weight, encoder.conv2.bias, 4)
        torch.testing.assert_close(encoder(x), torch.cat((wide, x), dim=1))


def test_the_selector_weights_each_channel() -> None:
    module, x = SemanticsAwareChannelAttention(8, ratio=4), torch.randn(2, 8, 6, 5)
    encoded = module.encoder(x)
    squeezed = encoded.mean((2, 3))
    conv1, conv2 = module.selector.conv1.conv, module.selector.conv2.conv
    gate = (squeezed @ conv1.weight[:, :, 0, 0].T + conv1.bias).clamp_min(0)
    gate = (gate @ conv2.weight[:, :, 0, 0].T + conv2.bias).sigmoid()
    torch.testing.assert_close(module(x), encoded * gate[:, :, None, None])


def test_soft_attention_is_a_softmax_over_positions() -> None:
    scores = torch.randn(2, 1, 3, 4)
    for one, expected in zip(soft_attention(scores), scores, strict=True):
        total = sum(math.exp(value) for value in expected.flatten().tolist())
        for got, value in zip(one.flatten().tolist(), expected.flatten().tolist(), strict=True):
            assert got == pytest.approx(math.exp(value) / total, rel=1e-5)


def test_equation_5() -> None:
    attention = torch.rand(3, 1, 4, 5)
    normalized = min_max_normalize(attention)
    for got, one in zip(normalized, attention, strict=True):
        values = one.flatten().tolist()
        low, high = min(values), max(values)
        for a, b in zip(got.flatten().tolist(), values, strict=True):
            assert a == pytest.approx((b - low) / (high - low), abs=1e-6)


def test_equation_5_without_contrast() -> None:
    attention = torch.full((2, 1, 3, 3), 0.25, requires_grad=True)
    out = min_max_normalize(attention)
    assert (out == 1).all(), "nothing is excluded"
    out.sum().backward()
    assert torch.isfinite(attention.grad).all()


def test_equation_6() -> None:
    p = torch.tensor([0.0, 0.3, 0.5, 1.0]).reshape(1, 1, 2, 2)
    log_0, log_1 = log_probabilities(p)
    for got_0, got_1, value in zip(
        log_0.flatten().tolist(), log_1.flatten().tolist(), p.flatten().tolist(), strict=True
    ):
        value = MARGIN + (1 - 2 * MARGIN) * value
        assert got_1 == pytest.approx(math.log(value), abs=1e-4)
        assert got_0 == pytest.approx(math.log(1 - value), abs=1e-3)


def test_saturated_scores_keep_a_gradient() -> None:
    """Of 64 x 64 positions most are near 0 when one stands out: a clamp would cut all of them off."""
    scores = torch.randn(1, 1, 64, 64)
    scores[0, 0, 20, 30] = 20.0
    scores.requires_grad_()
    normalized = min_max_normalize(soft_attention(scores))
    assert ((normalized < MARGIN).float().mean()) > 0.99
    (gumbel_softmax(log_probabilities(normalized), 0.0, 1.0) * torch.randn(scores.shape)).sum().backward()
    assert (scores.grad != 0).all() and scores.grad.isfinite().all()


def test_equation_7() -> None:
    log_p, noise = log_probabilities(probabilities(2, 1, 4, 5)), gumbel_noise(torch.empty(2, 2, 1, 4, 5))
    chosen = gumbel_max(log_p, noise)
    for index in torch.cartesian_prod(*map(torch.arange, chosen.shape)).tolist():
        scores = [float(noise[k][tuple(index)] + log_p[k][tuple(index)]) for k in (0, 1)]
        assert int(chosen[tuple(index)]) == scores.index(max(scores))


def test_equation_7_samples_the_bernoulli_distribution_of_equation_6() -> None:
    p = torch.tensor([0.1, 0.5, 0.8])[:, None].expand(-1, 40000)
    generator = torch.Generator().manual_seed(3)
    log_p = log_probabilities(p)
    shares = gumbel_max(log_p, gumbel_noise(log_p, generator)).float().mean(1)
    torch.testing.assert_close(shares, p[:, 0], atol=0.01, rtol=0)  # four standard deviations


def test_equation_8() -> None:
    """The share of samples in each interval is the integral of the density, exp(-z - exp(-z))."""
    samples = gumbel_noise(torch.empty(200000, dtype=torch.float64), torch.Generator().manual_seed(0))
    edges = [-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0, 8.0]
    for low, high in zip(edges, edges[1:], strict=False):
        steps = [low + (i + 0.5) * (high - low) / 1000 for i in range(1000)]
        expected = sum(math.exp(-z - math.exp(-z)) for z in steps) * (high - low) / 1000
        share = float(((samples >= low) & (samples < high)).double().mean())
        assert share == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("tau", [0.1, 0.5, 1.0, 2.0, 10.0])
def test_equation_9(tau: float) -> None:
    log_p = log_probabilities(probabilities(2, 1, 4, 5)).double()
    noise = gumbel_noise(log_p)
    sharp = gumbel_softmax(log_p, noise, tau)
    for index in torch.cartesian_prod(*map(torch.arange, sharp.shape)).tolist():
        powers = [math.exp(float(noise[k][tuple(index)] + log_p[k][tuple(index)]) / tau) for k in (0, 1)]
        assert float(sharp[tuple(index)]) == pytest.approx(powers[1] / sum(powers), rel=1e-9, abs=1e-12)


def test_a_low_temperature_is_equation_7_and_a_high_one_is_uniform() -> None:
    log_p = log_probabilities(probabilities(2, 1, 8, 8))
    noise = gumbel_noise(log_p, torch.Generator().manual_seed(1))
    torch.testing.assert_close(gumbel_softmax(log_p, noise, 1e-4), gumbel_max(log_p, noise).float(), atol=1e-3, rtol=0)
    assert (gumbel_softmax(log_p, noise, 1e4) - 0.5).abs().max() < 2e-3


def test_without_noise_temperature_1_gives_the_probability_back() -> None:
    p = probabilities(2, 1, 8, 8)
    torch.testing.assert_close(gumbel_softmax(log_probabilities(p), 0.0, 1.0), p, atol=2 * MARGIN, rtol=0)


@pytest.mark.parametrize("tau", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_half_precision_and_probabilities_0_and_1(tau: float, dtype: torch.dtype) -> None:
    """A peak far above the rest: p is exactly 0 and 1, and no value or gradient overflows."""
    module = SharperSpatialAttention(4, tau=tau).to(dtype)
    x = torch.zeros(1, 4, 64, 64, dtype=dtype)
    x[..., 10, 10] = 50  # the gradient of a larger one is beyond float16 in any module
    x.requires_grad_()
    out = module(x)
    assert out.dtype == dtype and torch.isfinite(out).all()
    out.float().square().sum().backward()
    assert torch.isfinite(x.grad).all() and torch.isfinite(module.score.weight.grad).all()
    maps = module.attention(x)
    assert {0.0, 1.0} <= set(maps.normalized.flatten().tolist())
    assert all(part.dtype == torch.float32 for part in maps)


def test_autocast_computes_the_map_in_float32() -> None:
    module, x = SharperSpatialAttention(4).eval(), torch.randn(1, 4, 16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        maps = module.attention(x)
    assert maps.sharp.dtype == torch.float32
    torch.testing.assert_close(maps.sharp, module.attention(x).sharp, atol=0.05, rtol=0)


def test_noise_is_drawn_in_training_only_and_is_reproducible() -> None:
    module, x = SharperSpatialAttention(4), torch.randn(2, 4, 8, 8)
    torch.manual_seed(5)
    first, second = module(x), module(x)
    torch.manual_seed(5)
    assert torch.equal(first, module(x)) and not torch.equal(first, second)
    module.eval()
    state = torch.get_rng_state()
    assert torch.equal(module(x), module(x))
    assert torch.equal(state, torch.get_rng_state()), "evaluation leaves the generator alone"


def test_noise_can_be_set() -> None:
    x = torch.randn(2, 4, 8, 8)
    never, always = SharperSpatialAttention(4, noise="never"), SharperSpatialAttention(4, noise="always").eval()
    assert torch.equal(never(x), never(x))
    assert not torch.equal(always(x), always(x))


@pytest.mark.parametrize("tau", [0.1, 0.5, 1.0, 1.0001, 2.0, 10.0])
def test_the_mean_is_that_of_the_samples(tau: float) -> None:
    """Against the integral over the noise, and at tau 1 the expectation written in the odds."""
    p = torch.tensor([0.0, 0.01, 0.3, 0.499, 0.5, 0.501, 0.8, 1.0], dtype=torch.float64)
    log_p = log_probabilities(p)
    odds = log_p[1] - log_p[0]
    noise = torch.linspace(-50, 50, 200001, dtype=torch.float64)
    density = noise.sigmoid() * (-noise).sigmoid() * (noise[1] - noise[0])
    expected = torch.stack([(((one + noise) / tau).sigmoid() * density).sum() for one in odds])
    mean = mean_gumbel_softmax(log_p, tau)
    torch.testing.assert_close(mean, expected, atol=3e-7, rtol=0)
    torch.testing.assert_close(mean_gumbel_softmax(log_p.float(), tau).double(), mean, atol=1e-6, rtol=0)
    if tau == 1:
        a = odds[1].exp()
        assert (
            float(mean[1])
            == pytest.approx(float(a * (a - 1 - a.log()) / (a - 1) ** 2))
            == pytest.approx(0.037, abs=1e-3)
        )


def test_the_mean_has_a_gradient() -> None:
    odds = torch.tensor([-9.0, -0.6, -0.4, 0.0, 1e-4, 0.4, 9.0], dtype=torch.float64, requires_grad=True)
    for tau in (0.3, 1.0, 3.0):
        assert torch.autograd.gradcheck(lambda x, t=tau: mean_gumbel_softmax(torch.stack((-x / 2, x / 2)), t), odds)


def test_noise_mean_samples_in_training_and_evaluates_with_the_expectation() -> None:
    x = 3 * torch.randn(1, 4, 16, 16)
    module = SharperSpatialAttention(4, noise="mean")
    samples = torch.stack([module.attention(x).sharp for _ in range(2000)])
    assert samples.std(0).mean() > 0.1
    module.eval()
    assert torch.equal(module(x), module(x))
    assert (samples.mean(0) - module.attention(x).sharp).abs().max() < 0.04  # five standard deviations
    without = SharperSpatialAttention(4).eval()
    without.load_state_dict(module.state_dict())
    assert module.attention(x).sharp.mean() > 1.1 * without.attention(x).sharp.mean()


def test_soft_attention_is_small_and_sharp_attention_is_not() -> None:
    """The reason for the paper's module: a softmax over 64 x 64 positions leaves next to nothing."""
    x = torch.randn(1, 8, 64, 64)
    soft, sharp = SharperSpatialAttention(8, sharp=False), SharperSpatialAttention(8, noise="never")
    sharp.load_state_dict(soft.state_dict())
    torch.testing.assert_close(soft(x), x * soft_attention(soft.score(x)))
    assert sharp(x).abs().mean() > 100 * soft(x).abs().mean()
    grads = []
    for module in (soft, sharp):
        last = torch.nn.Conv2d(8, 1, 1)
        torch.nn.init.constant_(last.weight, 0.1)
        last(module(x)).square().mean().backward()
        grads.append(last.weight.grad.norm())
    assert grads[1] > 10 * grads[0], "the paper says 10 to 100 times as large"


@pytest.mark.parametrize("tau", [0, 0.0, -1.0, math.inf, math.nan, "1", None])
def test_bad_temperature(tau: Any) -> None:
    with pytest.raises(ValueError, match="tau must be a positive number, got"):
        SharperSpatialAttention(4, tau=tau)


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="noise must be one of train, always, never, mean, got 'eval'"):
        SharperSpatialAttention(4, noise="eval")
    with pytest.raises(ValueError, match=r"ratio must be between 1 and 8, twice the in_channels, got 16"):
        SemanticsAwareChannelAttention(4)
    for module in (SharperSpatialAttention(4), SemanticsAwareChannelAttention(4, ratio=2)):
        with pytest.raises(ValueError, match=r"expected maps of shape \(B, 4, H, W\), got \(1, 5, 8, 8\)"):
            module((torch.rand(1, 5, 8, 8),))


@pytest.mark.parametrize(("name", "factor"), [("SharperSpatialAttention", 1), ("SemanticsAwareChannelAttention", 2)])
def test_plugin_layer(name: str, factor: int) -> None:
    """As the networks of OpenMMLab build plugins: a map in, a map out."""
    with DefaultScope.overwrite_default_scope("mmpose"):
        _, layer = build_plugin_layer(dict(type=name), in_channels=32)
    assert layer(torch.rand(2, 32, 8, 6)).shape == (2, 32 * factor, 8, 6)
    assert layer.out_channels == 32 * factor


@pytest.mark.parametrize(
    ("backbone", "neck", "channels"),
    [
        (dict(type="ResNet", depth=18, out_indices=(3,)), dict(type="SharperSpatialAttention", in_channels=512), 512),
        (dict(type="MobileNetV2"), dict(type="SemanticsAwareChannelAttention", in_channels=1280), 2560),
        (
            dict(type="ResNet", depth=18, out_indices=(0, 1, 2, 3)),
            dict(type="MultiScaleFeatureIntegration", in_channels=(64, 128, 256, 512), message_passing=True),
            128,
        ),
        (
            dict(type="ResNet", depth=18, out_indices=(0, 1, 2, 3)),
            dict(type="BiDirectionalMessagePassing", in_channels=(64, 128, 256, 512)),
            32,
        ),
    ],
    ids=lambda value: value.get("type") if isinstance(value, dict) else str(value),
)
def test_neck_in_a_stock_config(backbone: dict, neck: dict, channels: int) -> None:
    head = dict(type="HeatmapHead", in_channels=channels, out_channels=17, deconv_out_channels=None)
    with DefaultScope.overwrite_default_scope("mmpose"):
        model = MODELS.build(dict(type="TopdownPoseEstimator", backbone=backbone, neck=neck, head=head))
    assert model(torch.rand(2, 3, 64, 64), None, mode="tensor").shape[:2] == (2, 17)
