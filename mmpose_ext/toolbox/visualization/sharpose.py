"""SHaRPose: accumulated attention, selected patches and predicted quality (Fig. 5 of the paper)."""

from __future__ import annotations

import numpy as np
from torch import nn

from mmpose_ext.models.sharpose import SHaRPose
from mmpose_ext.toolbox.visualization import Panel, Sample
from mmpose_ext.toolbox.visualization.drawing import dim, heat


def visualize(module: nn.Module, model: nn.Module, sample: Sample) -> list[Panel]:
    """The relevance of Eq. (7) over the image, and the patches that were refined, or would have been.

    Args:
        module: The backbone.
        model: The pose estimator.
        sample: One person.
    """
    assert isinstance(module, SHaRPose)
    scores = module.coarse_stage(module.embed(sample.pixels)).scores
    features = module(sample.pixels)
    keep = np.zeros(module.coarse_grid, dtype=bool)
    keep.flat[features.selected[0].cpu().numpy()] = True
    attention = scores[0].reshape(module.coarse_grid).cpu().numpy()
    quality, refined = float(features.quality[0]), bool(features.refined[0])
    title = f"{'refined' if refined else 'not refined'}, quality {quality:.2f}"
    return [
        Panel("attention of the keypoints", heat(sample.image, attention)),
        Panel(title, dim(sample.image, keep)),
    ]
