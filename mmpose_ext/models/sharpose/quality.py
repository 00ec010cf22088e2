"""The quality of the coarse pose: its prediction and what it learns from.

SHaRPose: Sparse High-Resolution Representation for Human Pose Estimation, https://arxiv.org/abs/2312.10758,
section "Quality Predictor", Eq. (4), and "Loss Function", Eq. (11).

Deviations:
    - As in the official code: the MLP has three layers behind a layer norm and ends with a GELU, and Eq. (11) is a
      mean of squares.
    - The official OKS takes the height of the heatmap for its width and the other way round, see ``swapped``.

Shapes: B batch, M keypoints, D width, H W height and width of a heatmap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

QualityActivation = Literal["gelu", "sigmoid", "none"]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"gelu": F.gelu, "sigmoid": torch.sigmoid, "none": lambda x: x}
"""What may stand at the end of the predictor."""


class QualityPredictor(nn.Module):
    """The MLP of Eq. (4).

    Args:
        width: D.
        activation: What the last layer ends with: ``'gelu'`` as in the official code, ``'sigmoid'`` or ``'none'``.

    Raises:
        ValueError: If the activation is unknown.
    """

    def __init__(self, width: int, *, activation: QualityActivation = "gelu") -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"expected a quality activation among {', '.join(ACTIVATIONS)}, got {activation!r}")
        self.norm = nn.LayerNorm(width)
        self.layers = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1)
        )
        self.activation = activation

    def is_trained(self) -> bool:
        """Whether the last bias has moved from the zero that it starts from; on a meta device nobody knows."""
        bias = self.layers[-1].bias
        return bias.is_meta or bool(bias.any())

    def forward(self, token: Tensor) -> Tensor:
        """Predict the quality (B,) from the quality token (B, D), in its type, also under autocast."""
        return ACTIVATIONS[self.activation](self.layers(self.norm(token)))[:, 0].to(token.dtype)  # Eq. (4)


def peaks(heatmaps: Tensor) -> Tensor:
    """Positions (x, y) of the maxima of heatmaps (B, M, H, W), as (B, M, 2)."""
    index = heatmaps.flatten(2).argmax(-1)
    width = heatmaps.shape[-1]
    return torch.stack([index.remainder(width), index.div(width, rounding_mode="floor")], -1).to(heatmaps.dtype)


def object_keypoint_similarity(
    heatmaps: Tensor, target: Tensor, labeled: Tensor, sigmas: Tensor, *, swapped: bool = False
) -> Tensor:
    """OKS of predicted heatmaps with the crop as the object: its area is that of the padded box.

    The crop has the aspect ratio of the input, so its scale cancels and the heatmaps are all that is needed.

    Args:
        heatmaps: (B, M, H, W).
        target: (B, M, H, W).
        labeled: Which keypoints count, (B, M).
        sigmas: The data set's, (M,).
        swapped: Take height for width, as the official code does: of two equal errors the horizontal one weighs less.

    Returns:
        (B,); zero where no keypoint is labeled.
    """
    height, width = heatmaps.shape[-2:]
    cell = heatmaps.new_tensor([1 / height, 1 / width] if swapped else [1 / width, 1 / height])
    shape = heatmaps.new_tensor([width / height, height / width])  # of the box with area 1
    distance = ((peaks(heatmaps) - peaks(target)) ** 2 * cell**2 * shape).sum(-1)  # squared, in units of the area
    similarity = torch.exp(-distance / (8 * sigmas**2)) * labeled
    return similarity.sum(1) / labeled.sum(1).clamp_min(1)


def quality_loss(quality: Tensor, similarity: Tensor, valid: Tensor) -> Tensor:
    """Distance between predicted quality and OKS, Eq. (11).

    Args:
        quality: (B,).
        similarity: (B,).
        valid: Samples with at least one labeled keypoint, (B,); the others are left out.
    """
    error = (quality - similarity) ** 2 * valid
    return error.sum() / valid.sum().clamp_min(1)  # Eq. (11)
