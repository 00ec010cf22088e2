"""The visual tokens of the fine stage.

SHaRPose: Sparse High-Resolution Representation for Human Pose Estimation, https://arxiv.org/abs/2312.10758,
section "Fine Inference", Eq. (8), Fig. 4.

Deviations:
    - Only the patches that are selected are embedded, and only their coarse tokens go through the MLP.

Shapes: B batch, D width, p patch size, N coarse patches, F fine patches, K selected coarse patches, r the ratio of
both grids (2 in the paper): a coarse patch has r x r fine ones.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmpose_ext.models.sharpose.encoder import MLP


def take(x: Tensor, index: Tensor) -> Tensor:
    """Rows of each sample.

    Args:
        x: (B, N, C).
        index: (B, K).

    Returns:
        (B, K, C).
    """
    start = torch.arange(x.shape[0], device=x.device)[:, None] * x.shape[1]
    return x.flatten(0, 1).index_select(0, (index + start).flatten()).unflatten(0, index.shape)


def to_patches(images: Tensor, size: int) -> Tensor:
    """Cut images into patches, row by row.

    Args:
        images: (B, 3, height, width), multiples of the patch size.
        size: p.

    Returns:
        Pixels of each patch, (B, patches, 3 * p * p), in the order of a convolution's weight.
    """
    batch, channels, height, width = images.shape
    cut = images.reshape(batch, channels, height // size, size, width // size, size)
    patches = (height // size) * (width // size)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(batch, patches, channels * size * size)


def fine_index(coarse: Tensor, columns: int, ratio: int) -> Tensor:
    """Positions on the fine grid of the parts of coarse patches.

    Args:
        coarse: Positions on the coarse grid, (B, K).
        columns: Patches in a row of the coarse grid.
        ratio: r.

    Returns:
        (B, K * r * r); the parts of one patch stand together, row by row.
    """
    row, column = coarse.div(columns, rounding_mode="floor"), coarse.remainder(columns)
    step = torch.arange(ratio, device=coarse.device)
    part = step[:, None] * (columns * ratio) + step  # (r, r)
    corner = row * (columns * ratio * ratio) + column * ratio
    return (corner[..., None] + part.flatten()).flatten(1)


class PatchEmbed(nn.Conv2d):
    """Linear projection of patches, with the weight and the initialization of the convolution that it is.

    Args:
        width: D.
        size: p.
    """

    def __init__(self, width: int, size: int) -> None:
        super().__init__(3, width, size, stride=size)

    def forward(self, pixels: Tensor) -> Tensor:
        """Project (B, patches, 3 * p * p) to (B, patches, D)."""
        return F.linear(pixels, self.weight.flatten(1), self.bias)


class FeatureReuse(nn.Module):
    """What the coarse stage knows about a selected patch, for its parts: the MLP in Fig. 4.

    Args:
        width: D.
        mlp_ratio: Hidden width in units of D.
    """

    def __init__(self, width: int, *, mlp_ratio: float = 4.0) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.mlp = MLP(width, int(width * mlp_ratio))

    def forward(self, coarse: Tensor, ratio: int) -> Tensor:
        """Transform coarse tokens (B, K, D) and repeat each for its parts: (B, K * r * r, D)."""
        return self.mlp(self.norm(coarse)).repeat_interleave(ratio * ratio, dim=1)
