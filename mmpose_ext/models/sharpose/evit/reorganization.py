"""Token reorganization: the tokens that nobody looks at become one.

EViT: Expediting Vision Transformers via Token Reorganizations, https://arxiv.org/abs/2202.07800, sections "Attentive
Token Identification" and "Inattentive Token Fusion".

Deviations:
    - The weights of the fused token have no gradient, as all attention that SHaRPose looks at here.

Shapes: B batch, F tokens that always stay, V visual tokens, K kept ones, D width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mmpose_ext.models.sharpose.fine_tokens import take
from mmpose_ext.models.sharpose.relevance import select


def number_of_kept(keep_rate: float, tokens: int) -> int:
    """How many of V visual tokens are kept, K, rounded up.

    Args:
        keep_rate: Share of the tokens.
        tokens: V.

    Raises:
        ValueError: If the rate is none.
    """
    if not 0 < keep_rate <= 1:
        raise ValueError(f"expected keep_rate above 0 and at most 1, got {keep_rate}")
    return math.ceil(round(keep_rate * tokens, 6))  # 0.7 * 10 is a little more than 7


def reorganize(x: Tensor, scores: Tensor, number: int) -> Tensor:
    """Keep the tokens of the highest scores, and add up the others, weighted by theirs, to one.

    Args:
        x: (B, F + V, D).
        scores: Attention that each visual token gets, (B, V).
        number: K. Nothing happens if it is V.

    Returns:
        First, kept and fused tokens, (B, F + K + 1, D).
    """
    if number == scores.shape[1]:
        return x
    first, visual = x.split([x.shape[1] - scores.shape[1], scores.shape[1]], 1)
    kept, others = select(scores, number)
    weights = scores.gather(1, others).unsqueeze(-1)
    fused = (take(visual, others) * weights).sum(1, keepdim=True)
    return torch.cat([first, take(visual, kept), fused], 1)
