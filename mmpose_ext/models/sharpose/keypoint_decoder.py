"""From a keypoint's token to its heatmap.

SHaRPose: Sparse High-Resolution Representation for Human Pose Estimation, https://arxiv.org/abs/2312.10758,
section "Keypoint Decoder", Eq. (3).

Deviations:
    - The paper does not say how many layers there are. The official code has one where the tokens are at least a
      quarter as wide as a heatmap has pixels, and two otherwise.

Shapes: B batch, M keypoints, D width, H W height and width of a heatmap.
"""

from __future__ import annotations

from torch import Tensor, nn


def number_of_layers(width: int, pixels: int) -> int:
    """The official rule: one layer or two.

    Args:
        width: D.
        pixels: H * W.
    """
    return 1 if width >= pixels // 4 else 2


class KeypointDecoder(nn.Sequential):
    """Layer norm and one linear layer, or twice that with a GELU between; the same for all keypoints.

    Args:
        width: D.
        height: H.
        columns: W.
        num_layers: 1 or 2; None for the official rule.

    Raises:
        ValueError: If there are to be more or fewer layers.
    """

    def __init__(self, width: int, height: int, columns: int, *, num_layers: int | None = None) -> None:
        pixels = height * columns
        num_layers = number_of_layers(width, pixels) if num_layers is None else num_layers
        if num_layers not in (1, 2):
            raise ValueError(f"expected a keypoint decoder of 1 or 2 layers, got {num_layers}")
        layers: list[nn.Module] = [nn.LayerNorm(width)]
        if num_layers == 2:
            layers += [nn.Linear(width, pixels // 2), nn.GELU(), nn.LayerNorm(pixels // 2)]
        layers.append(nn.Linear(pixels // 2 if num_layers == 2 else width, pixels))
        super().__init__(*layers)
        self.size = (height, columns)

    def forward(self, tokens: Tensor) -> Tensor:
        """Decode tokens (B, M, D) into heatmaps (B, M, H, W)."""
        return super().forward(tokens).unflatten(-1, self.size)  # Eq. (3)
