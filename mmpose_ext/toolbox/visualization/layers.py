"""The decoder's response to each layer of a transformer (Fig. 2 of SHaRPose's paper).

SHaRPose: Sparse High-Resolution Representation for Human Pose Estimation, https://arxiv.org/abs/2312.10758, where the
network is ViTPose. The same is drawn for SHaRPose's own transformers: its coarse stage, one stage alone, and EViT.

Deviations:
    - The paper does not say whether the last norm stands between a layer and the decoder. Here it does, as the decoder
      never sees anything else.

Shapes: B batch, M keypoints, D width, H W height and width of a heatmap.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from mmpose_ext.heads import last_heatmaps
from mmpose_ext.models.sharpose import SHaRPoseEViT
from mmpose_ext.models.sharpose.coarse_stage import CoarseStage
from mmpose_ext.toolbox.visualization import Panel, Sample
from mmpose_ext.toolbox.visualization.drawing import heat
from mmpose_ext.toolbox.visualization.heatmaps import focus

__all__ = ["layer_panels", "layer_responses"]


def layer_panels(model: nn.Module, sample: Sample) -> list[Panel]:
    """The highest value over all keypoints at each place, layer by layer, each layer on a scale of its own.

    Args:
        model: A pose estimator with a transformer as backbone, in ``eval()`` mode.
        sample: One person.

    Raises:
        ValueError: If the backbone is none of the transformers that are known here.
    """
    panels = []
    for number, heatmaps in enumerate(layer_responses(model, sample.pixels), start=1):
        highest = heatmaps[0].amax(0).float().cpu()
        title = f"layer {number}: {focus(highest):.0%} above half"
        panels.append(Panel(title, heat(sample.image, highest.numpy())))
    return panels


@torch.no_grad()
def layer_responses(model: Any, pixels: Tensor) -> list[Tensor]:
    """Heatmaps (B, M, H, W) that the head makes of each layer; the last are those of the network.

    Of SHaRPose, the layers are those of its coarse stage.

    Args:
        model: A pose estimator with a transformer as backbone, in ``eval()`` mode.
        pixels: Images as the network takes them, (B, 3, height, width).

    Raises:
        ValueError: If the backbone is none of the transformers that are known here.
    """
    if isinstance(model.backbone, CoarseStage):
        return [model.head.keypoint_decoder(tokens) for tokens in _keypoint_tokens(model.backbone, pixels)]
    if all(hasattr(model.backbone, name) for name in ("layers", "out_indices", "out_type")):
        return [last_heatmaps(model.head(_through_neck(model, maps))) for maps in _feature_maps(model.backbone, pixels)]
    raise ValueError(
        "expected a SHaRPose, one of its transformers or mmpretrain's VisionTransformer as backbone, got "
        f"{type(model.backbone).__name__}"
    )


def _keypoint_tokens(backbone: CoarseStage, pixels: Tensor) -> Iterator[Tensor]:
    """Normalized keypoint tokens (B, M, D) behind each block."""
    backbone.check_size(pixels)
    first = torch.cat([backbone.keypoint_tokens, backbone.quality_token], 1)
    x = torch.cat([first.expand(len(pixels), -1, -1), backbone.embed(pixels)], 1)
    for number, block in enumerate(backbone.blocks):
        if isinstance(backbone, SHaRPoseEViT) and number in backbone.num_kept:
            x = backbone.prune(block, x, backbone.num_kept[number])
        else:
            x, _ = block(x)
        yield backbone.norm(x[:, : backbone.num_keypoints])


def _feature_maps(backbone: Any, pixels: Tensor) -> list[Tensor]:
    """Normalized maps (B, D, h, w) behind each layer of mmpretrain's VisionTransformer."""
    before, last = backbone.out_indices, len(backbone.layers) - 1
    backbone.out_indices = list(range(last + 1))
    try:
        maps = list(backbone(pixels))
    finally:
        backbone.out_indices = before
    if not getattr(backbone, "final_norm", False):
        return maps
    return [*(backbone.ln1(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2) for x in maps[:last]), maps[last]]


def _through_neck(model: Any, maps: Tensor) -> Any:
    return model.neck((maps,)) if model.with_neck else (maps,)
