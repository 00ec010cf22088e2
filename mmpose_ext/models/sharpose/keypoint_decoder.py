"""From a keypoint's token to its heatmap.

SHaRPose: Sparse High-Resolution Representation for Human Pose Estimation, https://arxiv.org/abs/2312.10758,
section "Keypoint Decoder", Eq. (3).

Deviations:
    - The paper does not say how many layers there are. The official code has one where the tokens are at least a
      quarter as wide as a heatmap has pixels, and two otherwise.

Shapes: B batch, M keypoints, D width, H W height and width of a heatmap.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from mmpose_ext.models.sharpose.positions import grid_of, resize_positions, stored_grid


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
        self.register_buffer("grid", torch.tensor(self.size))  # the number of pixels does not tell it

    def forward(self, tokens: Tensor) -> Tensor:
        """Decode tokens (B, M, D) into heatmaps (B, M, H, W)."""
        return super().forward(tokens).unflatten(-1, self.size)  # Eq. (3)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        """Resample the last layer of a checkpoint for heatmaps of another size.

        With another number of layers, or other widths between them, the decoder starts as it was initialized.
        """
        told = stored_grid(state_dict.pop(f"{prefix}grid", None))
        given = {key.removeprefix(prefix): value for key, value in state_dict.items() if key.startswith(prefix)}
        own = {key: value for key, value in self.state_dict().items() if key != "grid"}
        last = f"{len(self) - 1}."
        shapes = [{k: v.shape[k.startswith(last) :] for k, v in layers.items()} for layers in (given, own)]
        if given and shapes[0] == shapes[1]:
            weight, bias = given[f"{last}weight"][None], given[f"{last}bias"][None, :, None]
            grid = told or grid_of(weight, self.size)
            state_dict[f"{prefix}{last}weight"] = resize_positions(weight, self.size, given=grid)[0]
            state_dict[f"{prefix}{last}bias"] = resize_positions(bias, self.size, given=grid)[0, :, 0]
        elif given:
            rows, columns = self.size
            warnings.warn(
                f"the keypoint decoder starts anew: the checkpoint's has other layers than one for heatmaps of "
                f"{rows}x{columns} (height x width)",
                stacklevel=2,
            )
            for key in given:
                del state_dict[prefix + key]
        state_dict[f"{prefix}grid"] = torch.tensor(self.size)
        super()._load_from_state_dict(state_dict, prefix, *args)
