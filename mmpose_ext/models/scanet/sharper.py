"""From a soft attention map to a sharp one by Gumbel-softmax sampling.

Bi-directional Message Passing Based SCANet for Human Pose Estimation, section 2.3, equations (5) to (9).

Deviations:
    - Probabilities stay ``MARGIN`` away from 0 and 1, which Eq. (5) always reaches and whose logarithm Eq. (7) needs:
      the range from 0 to 1 is shrunk to that, so that no position loses its gradient, as it would by clamping.
    - A map without any contrast, for which Eq. (5) is 0 / 0, becomes 1 everywhere: nothing is excluded.
    - All of it is computed in float32 at least, also under mixed precision.
    - The expectation of Eq. (9) over the noise, which the paper does not look at, is here for an evaluation without
      sampling. It is not Eq. (9) without noise: where p is 0.01, tau = 1 gives 0.037 in the mean of samples.

Shapes: B batch, H W height and width; attention maps are (B, 1, H, W).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

MARGIN = 1e-4
"""How near a probability comes to 0 and 1. It also bounds the gradient of the logarithms."""


def soft_attention(scores: Tensor) -> Tensor:
    """Softmax over all positions: the usual soft attention map f."""
    return scores.flatten(1).softmax(1).reshape(scores.shape)


def min_max_normalize(attention: Tensor) -> Tensor:
    """Stretch each map to [0, 1], Eq. (5).

    Args:
        attention: f, shape (B, 1, H, W).

    Returns:
        f^n, same shape; ones where a map is constant.
    """
    low, high = attention.amin((1, 2, 3), keepdim=True), attention.amax((1, 2, 3), keepdim=True)
    flat = high == low
    normalized = (attention - low) / torch.where(flat, 1, high - low)  # Eq. (5)
    return torch.where(flat, 1, normalized)


def log_probabilities(normalized: Tensor) -> Tensor:
    """Logarithms of the two outcomes of choosing a position, Eq. (6).

    Args:
        normalized: f^n, shape (B, 1, H, W).

    Returns:
        log p^0 and log p^1, shape (2, B, 1, H, W).
    """
    chosen = MARGIN + (1 - 2 * MARGIN) * normalized
    return torch.stack((1 - chosen, chosen)).log()  # Eq. (6)


def gumbel_noise(like: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Draw from Gumbel(0, 1), the distribution of Eq. (8): minus the logarithm of an exponential variable.

    Args:
        like: Gives shape, type and device.
        generator: The source; None for the one that ``torch.manual_seed`` seeds.
    """
    exponential = torch.empty_like(like).exponential_(generator=generator)
    return -exponential.clamp_min(torch.finfo(like.dtype).tiny).log()  # Eq. (8)


def gumbel_max(log_p: Tensor, noise: Tensor) -> Tensor:
    """Choose each position or not, Eq. (7): a sample of the Bernoulli distribution, without a gradient.

    Args:
        log_p: log p^0 and log p^1, shape (2, B, 1, H, W).
        noise: g^0 and g^1, same shape.

    Returns:
        0 or 1, shape (B, 1, H, W).
    """
    return (noise + log_p).argmax(0)  # Eq. (7)


def gumbel_softmax(log_p: Tensor, noise: Tensor | float, tau: float) -> Tensor:
    """Relax that choice, Eq. (9).

    Args:
        log_p: log p^0 and log p^1, shape (2, B, 1, H, W).
        noise: g^0 and g^1, same shape; 0 for none. With tau = 1 and no noise, p^1 comes back.
        tau: Temperature; towards 0 the result tends to that of :func:`gumbel_max`, for large values to 0.5.

    Returns:
        f^sharp, values in [0, 1], shape (B, 1, H, W).
    """
    return ((noise + log_p) / tau).softmax(0)[1]  # Eq. (9)


def mean_gumbel_softmax(log_p: Tensor, tau: float) -> Tensor:
    """Expectation of Eq. (9) over the noise of Eq. (8).

    With l = log p^1 - log p^0, and as the difference of two Gumbel variables is logistic, it is
    E[sigmoid((l + L) / tau)] of a logistic L. At tau = 1 that is 1/2 + (sinh l - l) / (2 cosh l - 2). Other
    temperatures take 41 nodes of the trapezoidal rule, right to 3e-7. Towards tau = 0 it tends to p^1, for large values
    to 0.5.

    Args:
        log_p: log p^0 and log p^1, shape (2, B, 1, H, W).
        tau: Temperature.

    Returns:
        Values in [0, 1], shape (B, 1, H, W).
    """
    odds = log_p[1] - log_p[0]
    return 0.5 + _at_temperature_1(odds) if tau == 1 else _by_quadrature(odds, tau)


def _at_temperature_1(odds: Tensor) -> Tensor:
    """(sinh l - l) / (2 cosh l - 2), near 0 by the series of both, as the differences cancel there."""
    near = odds.abs() < 0.5
    small, large = torch.where(near, odds, 0), torch.where(near, 1, odds)
    square = small.square()
    series = small * (1 / 6 + square / 120 + square.square() / 5040) / (1 + square / 12 + square.square() / 360)
    return torch.where(near, series, (large.sinh() - large) / (2 * large.cosh() - 2))


def _by_quadrature(odds: Tensor, tau: float) -> Tensor:
    """E[sigmoid((l + L) / tau)], which equals E[sigmoid(l + tau L)]: of both the one that is smooth is summed up.

    With a step of 1 the rule's error is exp(-2 pi^2), as the integrand has no pole within pi of the real axis.
    """
    mean = torch.zeros_like(odds)
    for node in range(-20, 21):
        argument = odds + tau * node if tau < 1 else (odds + node) / tau
        mean = mean + argument.sigmoid() * (math.exp(-abs(node)) / (1 + math.exp(-abs(node))) ** 2)
    return mean
