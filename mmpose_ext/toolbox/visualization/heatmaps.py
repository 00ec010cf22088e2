"""Where any network with heatmaps takes its keypoints from."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmpose_ext.heads import last_heatmaps
from mmpose_ext.toolbox.visualization import Panel, Sample
from mmpose_ext.toolbox.visualization.drawing import heat

__all__ = ["heatmap_panels"]


def heatmap_panels(model: nn.Module, sample: Sample) -> list[Panel]:
    """The highest value over all keypoints at each place; nothing for a head without heatmaps, such as SimCC's.

    Args:
        model: A pose estimator in ``eval()`` mode.
        sample: One person.
    """
    with torch.no_grad():
        output = model(sample.pixels, None, mode="tensor")
    try:
        heatmaps: Tensor = last_heatmaps(output)[0]
    except ValueError:
        return []
    highest = heatmaps.amax(0).float().cpu().numpy()
    return [Panel(f"heatmaps, up to {highest.max():.3g}", heat(sample.image, highest))]
