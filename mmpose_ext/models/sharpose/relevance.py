"""Which patches the keypoints look at, and which of them are refined.

SHaRPose: Sparse High-Resolution Representation for Human Pose Estimation, https://arxiv.org/abs/2312.10758,
section "Keypoint-Related Patch Recognition", Eq. (6) and (7).

Deviations:
    - As in the official code, by default: the last keypoint has no say, the number of patches is rounded up, and
      the first quarter of the layers is left out. The backbone has a switch for each.

Shapes: B batch, H heads, M keypoints, N coarse patches, K selected ones.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

Rounding = Literal["ceil", "floor"]


def accumulate(accumulated: Tensor | None, attention: Tensor, *, beta: float) -> Tensor:
    """Moving average of the attention over the layers, Eq. (6), which starts from zero.

    Args:
        accumulated: The average so far, or None before the first layer.
        attention: Attention of the keypoints to the patches in this layer, (B, H, M, N).
        beta: Weight of the past.

    Returns:
        The new average, (B, H, M, N).
    """
    if accumulated is None:
        return (1 - beta) * attention
    return torch.lerp(accumulated, attention, 1 - beta)  # Eq. (6)


def relevance(accumulated: Tensor) -> Tensor:
    """How much all keypoints attend to each patch, the s of Eq. (7).

    Args:
        accumulated: (B, H, M, N).

    Returns:
        (B, N).
    """
    return accumulated.mean((1, 2))  # Eq. (7)


def number_of_selected(alpha: float, patches: int, *, rounding: Rounding = "ceil") -> int:
    """The N^h of the paper: how many of the patches are refined.

    Args:
        alpha: Share of the patches.
        patches: N.
        rounding: ``'ceil'`` as in the official code, ``'floor'`` as in the paper.

    Raises:
        ValueError: If ``alpha`` is no share or ``rounding`` is unknown.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"expected alpha between 0 and 1, got {alpha}")
    if rounding not in ("ceil", "floor"):
        raise ValueError(f"rounding must be 'ceil' or 'floor', got {rounding!r}")
    exact = round(alpha * patches, 6)  # 0.3 * 10 is a little more than 3
    return math.ceil(exact) if rounding == "ceil" else math.floor(exact)


def select(scores: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """Part the patches into X_high and X_low.

    Args:
        scores: (B, N).
        number: K.

    Returns:
        Indices of the selected patches (B, K) and of the others (B, N - K), both by descending score.
    """
    order = scores.argsort(dim=1, descending=True)
    return order[:, :number], order[:, number:]
