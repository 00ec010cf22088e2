"""From a soft attention map to a sharp one by Gumbel-softmax sampling.

Bi-directional Message Passing Based SCANet for Human Pose Estimation, section 2.3, equations (5) to (9).

Deviations:
    - Probabilities stay ``MARGIN`` away from 0 and 1, which Eq. (5) always reaches and whose logarithm Eq. (7) needs:
      the range from 0 to 1 is shrunk to that, so that no position loses its gradient, as it would by clamping.
    - A map without any contrast, for which Eq. (5) is 0 / 0, becomes 1 everywhere: nothing is excluded.
    - All of it is computed in float32 at least, also under mixed precision.

Shapes: B batch, H W height and width; attention maps are (B, 1, H, W).
"""

from __future__ import annotations

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
