"""What is drawn for BDMP-SCANet: one row of maps for each stack, the attention of the network itself."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from mmpose_ext.models.scanet import BDMPSCANet
from mmpose_ext.toolbox.visualization import Sample, panels_of
from mmpose_ext.toolbox.visualization.scanet import TEMPERATURES


class Estimator(nn.Module):
    def __init__(self, **config) -> None:
        super().__init__()
        self.backbone = BDMPSCANet(2, 5, channels=8, depth=2, reduced_channels=8, **config)

    def extract_feat(self, images):
        return self.backbone(images)


def test_maps_of_every_stack() -> None:
    torch.manual_seed(0)
    sample = Sample(np.full((64, 48, 3), 120, np.uint8), torch.randn(1, 3, 64, 48))
    model = Estimator(variant="ssa").eval()
    panels = panels_of(model, sample)
    assert len(panels) == 2 * (2 + 2 * len(TEMPERATURES))
    assert all(panel.image.shape == sample.image.shape for panel in panels)
    titles = [panel.title for panel in panels]
    assert titles[1:3] == ["stack 1: normalized, Eq. (5)", "stack 1: tau 0.1"]
    assert titles[7] == "stack 1: tau 0.1, sampled" and titles[12].startswith("stack 2: soft")
    by_title = dict(zip(titles, panels, strict=True))
    np.testing.assert_array_equal(panels_of(model, sample)[9].image, panels[9].image)  # the same noise each time
    same = np.abs(
        by_title["stack 1: tau 1"].image.astype(int) - by_title["stack 1: normalized, Eq. (5)"].image.astype(int)
    )
    assert same.max() <= 3, "without noise, temperature 1 is the normalized map"


def test_a_cold_map_has_two_colors_and_a_hot_one_has_one() -> None:
    torch.manual_seed(0)
    sample = Sample(np.full((64, 64, 3), 120, np.uint8), torch.randn(1, 3, 64, 64))
    drawn = {panel.title: panel.image.astype(float) for panel in panels_of(Estimator(variant="ssa").eval(), sample)}
    redness = {title: picture[..., 0] - picture[..., 2] for title, picture in drawn.items()}
    assert redness["stack 1: tau 0.1"].std() > 3 * redness["stack 1: tau 10"].std()
