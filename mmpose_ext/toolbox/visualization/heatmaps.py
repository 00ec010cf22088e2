"""Where any network with heatmaps takes its keypoints from."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmpose_ext.heads import last_heatmaps
from mmpose_ext.toolbox.visualization import Panel, Sample
from mmpose_ext.toolbox.visualization.drawing import heat

__all__ = ["focus", "heatmap_panels", "heatmaps_of"]


def heatmaps_of(model: nn.Module, sample: Sample) -> Tensor:
    """The heatmaps of one person, (K, H, W).

    Args:
        model: A pose estimator in ``eval()`` mode.
        sample: One person.

    Raises:
        ValueError: If the head has none, such as SimCC's.
    """
    with torch.no_grad():
        return last_heatmaps(model(sample.pixels, None, mode="tensor"))[0].float().cpu()


def heatmap_panels(model: nn.Module, sample: Sample) -> list[Panel]:
    """The highest value over all keypoints at each place; nothing for a head without heatmaps.

    Args:
        model: A pose estimator in ``eval()`` mode.
        sample: One person.
    """
    try:
        highest = heatmaps_of(model, sample).amax(0)
    except ValueError:
        return []
    return [Panel(f"heatmaps, up to {highest.max():.3g}", heat(sample.image, highest.numpy()))]


def focus(values: Tensor) -> float:
    """Share of a map that is above the middle of its range: small if it looks at one place.

    Args:
        values: Of any shape.
    """
    return float((values > (values.min() + values.max()) / 2).float().mean())
