"""SHaRPose in three parts, for an export that leaves the fine stage out where the coarse pose is good.

SHaRPose: Sparse High-Resolution Representation for Human Pose Estimation, https://arxiv.org/abs/2312.10758,
section "Quality Predictor".

Shapes: B batch, M keypoints, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmpose_ext.models.sharpose import FineInputs, SHaRPose, SHaRPoseFeatures
from mmpose_ext.toolbox.export.decoded import DecodedOutputs
from mmpose_ext.toolbox.export.two_stages import TwoStages
from mmpose_ext.toolbox.networks import PoseNet

__all__ = ["refine_all", "with_early_exit"]


class _Coarse(nn.Module):
    """Images -> keypoint tokens (B, M, D), quality (B,), and the arguments of the fine stage."""

    def __init__(self, backbone: SHaRPose) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        keypoints, quality, inputs = self.backbone.coarse_pass(images)
        return keypoints, quality, *inputs


class _Fine(nn.Module):
    """The arguments of the fine stage -> keypoint tokens (B, M, D)."""

    def __init__(self, backbone: SHaRPose) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.backbone.fine_stage(FineInputs(*inputs))


class _Heatmaps(nn.Module):
    """Keypoint tokens (B, M, D) -> heatmaps."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(self, tokens: Tensor) -> Tensor:
        nothing = torch.zeros(0)
        return self.head(SHaRPoseFeatures(tokens, tokens, nothing, nothing, nothing))


def with_early_exit(network: nn.Module) -> nn.Module:
    """A network for :func:`.export_onnx` whose file refines only what needs it.

    Args:
        network: Any, in ``eval()`` mode.

    Returns:
        :class:`.TwoStages` with the same output, for a SHaRPose with a threshold; the network itself for any other.
    """
    pose = network.network if isinstance(network, DecodedOutputs) else network
    backbone = pose.model.backbone if isinstance(pose, PoseNet) else None
    if not isinstance(backbone, SHaRPose) or backbone.quality_threshold is None or not backbone.is_gated():
        return network
    parts = _Coarse(backbone), _Fine(backbone), _Heatmaps(pose.model.head)
    return TwoStages(*parts, threshold=backbone.quality_threshold).eval()


def refine_all(network: nn.Module) -> None:
    """Make every SHaRPose in a network refine all samples, whatever quality it predicts, in place.

    Args:
        network: Any.

    Raises:
        ValueError: If there is none with a threshold.
    """
    gated = [module for module in network.modules() if isinstance(module, SHaRPose) and module.is_gated()]
    if not gated:
        raise ValueError("expected a SHaRPose with quality_threshold for --refine-all, got none")
    for module in gated:
        module.early_exit = False
