"""The transformer block that both stages of SHaRPose share.

SHaRPose: Sparse High-Resolution Representation for Human Pose Estimation, https://arxiv.org/abs/2312.10758,
section "Coarse-Inference Stage", Eq. (2). The block is that of ViT: pre-norm, exact GELU, bias everywhere.

Deviations:
    - Attention is fused, and only the rows that somebody looks at are computed a second time, beside it. Rows of
      which nobody needs the output have no query. Same output.

Shapes: B batch, L tokens, D width, H heads, E = D / H width of a head, Q queries, R rows.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn


def attention_rows(queries: Tensor, keys: Tensor) -> Tensor:
    """The attention matrix of some queries, the rows of Eq. (5), without a gradient.

    Args:
        queries: (B, H, R, E).
        keys: (B, H, L, E).

    Returns:
        Rows that sum to one, (B, H, R, L).
    """
    queries, keys = queries.detach(), keys.detach()
    return torch.matmul(queries * queries.shape[-1] ** -0.5, keys.transpose(-2, -1)).softmax(-1)


class MLP(nn.Sequential):
    """Two linear layers with a GELU between them, from (..., D) to (..., D).

    Args:
        width: D.
        hidden: Width between the layers.
    """

    def __init__(self, width: int, hidden: int) -> None:
        layers = dict(fc1=nn.Linear(width, hidden), act=nn.GELU(), fc2=nn.Linear(hidden, width))
        super().__init__(OrderedDict(layers))


class Attention(nn.Module):
    """Multi-head self-attention whose queries may be the first tokens only.

    Args:
        width: D.
        num_heads: H.

    Raises:
        ValueError: If the heads don't divide the width.
    """

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        if width % num_heads:
            raise ValueError(f"expected a width that is a multiple of the {num_heads} heads, got {width}")
        self.num_heads = num_heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, *, queries: int | None = None, rows: int = 0) -> tuple[Tensor, Tensor | None]:
        """Attend.

        Args:
            x: (B, L, D).
            queries: How many tokens, counted from the first, ask; None for all.
            rows: Of how many tokens, counted from the first, the attention is returned.

        Returns:
            Output (B, Q, D), and attention (B, H, R, L) or None.
        """
        if queries is None:
            query, key, value = self._heads(self.qkv(x), 3)
        else:
            query = self.query(x[:, :queries])
            key, value = self.keys_and_values(x)
        attention = attention_rows(query[:, :, :rows], key) if rows else None
        return self.attend(query, key, value), attention

    def query(self, x: Tensor) -> Tensor:
        """What tokens (B, Q, D) ask, (B, H, Q, E)."""
        width = x.shape[-1]
        (query,) = self._heads(F.linear(x, self.qkv.weight[:width], self.qkv.bias[:width]), 1)
        return query

    def keys_and_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What tokens (B, L, D) offer, two tensors (B, H, L, E)."""
        width = x.shape[-1]
        key, value = self._heads(F.linear(x, self.qkv.weight[width:], self.qkv.bias[width:]), 2)
        return key, value

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Output (B, Q, D) for queries (B, H, Q, E) to keys and values (B, H, L, E)."""
        return self.proj(F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2))

    def _heads(self, x: Tensor, number: int) -> tuple[Tensor, ...]:
        """Split (B, L, number * D) into ``number`` tensors (B, H, L, E)."""
        size = self.proj.in_features // self.num_heads
        return x.unflatten(-1, (number, self.num_heads, size)).permute(2, 0, 3, 1, 4).unbind(0)


class Block(nn.Module):
    """A pre-norm transformer block.

    Args:
        width: D.
        num_heads: H.
        mlp_ratio: Hidden width of the MLP in units of D.
        drop_path: Probability that a branch is left out for a sample while training.
    """

    def __init__(self, width: int, num_heads: int, *, mlp_ratio: float = 4.0, drop_path: float = 0.0) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = Attention(width, num_heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = MLP(width, int(width * mlp_ratio))
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, x: Tensor, *, queries: int | None = None, rows: int = 0) -> tuple[Tensor, Tensor | None]:
        """Transform tokens; the arguments are those of :meth:`Attention.forward`.

        Returns:
            Tokens (B, Q, D), and attention (B, H, R, L) or None.
        """
        attended, attention = self.attn(self.norm1(x), queries=queries, rows=rows)
        return self.add_mlp(self.add_attention(x[:, :queries], attended)), attention

    def add_attention(self, x: Tensor, attended: Tensor) -> Tensor:
        """Add the output of the attention to the tokens that asked, both (B, Q, D)."""
        return x + self.drop_path(attended)

    def add_mlp(self, x: Tensor) -> Tensor:
        """Add the output of the MLP to tokens (B, Q, D)."""
        return x + self.drop_path(self.mlp(self.norm2(x)))
