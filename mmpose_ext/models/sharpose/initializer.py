"""How a SHaRPose starts where no weights are loaded.

SHaRPose: Sparse High-Resolution Representation for Human Pose Estimation, https://arxiv.org/abs/2312.10758; the paper
starts from MAE weights, whose table of 14 x 14 positions is resized for both of its grids.

Deviations:
    - The official code initializes all tables and tokens with zeros and linear layers with a standard deviation of
      0.02, and loads MAE's weights. Without such weights a keypoint can't tell one place from another, and nothing but
      the mean pose is learned. The default is therefore :data:`FROM_SCRATCH`: tables of sines, as MAE's, and MAE's
      Xavier start of linear layers. :data:`OFFICIAL` is the other one, for MAE's weights.
"""

from __future__ import annotations

from typing import Any

import torch
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import nn

from mmpose_ext.models.sharpose.positions import sine_positions

FROM_SCRATCH: list[dict[str, Any]] = [
    dict(type="Xavier", layer="Linear", distribution="uniform", bias=0),
    dict(type="SinePositions"),
]
"""The default ``init_cfg`` of the backbones."""

OFFICIAL: dict[str, Any] = dict(type="TruncNormal", layer="Linear", std=0.02, bias=0)
"""That of the official code, with zeros for tables and tokens: only where weights are loaded behind it."""


@WEIGHT_INITIALIZERS.register_module()
class SinePositions:
    """Initialize the tables of positions with sines and the tokens with noise; for ``init_cfg`` of a SHaRPose.

    Args:
        temperature: See :func:`sine_positions`.
        token_std: Standard deviation of the tokens of the keypoints and of the quality.
    """

    def __init__(self, *, temperature: float = 100.0, token_std: float = 0.5) -> None:
        self.temperature = temperature
        self.token_std = token_std

    @torch.no_grad()
    def __call__(self, module: nn.Module) -> None:
        """Fill the parameters of a backbone.

        Args:
            module: A ``SHaRPose`` or ``SHaRPoseOneStage``.
        """
        for name, grid in module.grids.items():
            table = getattr(module, name)
            table.copy_(sine_positions(grid, table.shape[-1], temperature=self.temperature))
        for tokens in (module.keypoint_tokens, module.quality_token):
            tokens.normal_(0, self.token_std)
