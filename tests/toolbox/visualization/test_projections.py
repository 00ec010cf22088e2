"""Heatmaps as pairs of vectors, and what the two ways to join them leave above one half."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmpose_ext.toolbox.visualization import Sample
from mmpose_ext.toolbox.visualization.heatmaps import focus
from mmpose_ext.toolbox.visualization.projections import fusion_panels, project, projection_panels, reconstruct


def gaussian(x: float, y: float, *, peak: float = 1.0) -> Tensor:
    rows, columns = torch.arange(24.0)[:, None], torch.arange(16.0)
    return peak * torch.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 8)


def test_gaussians_lose_nothing_and_a_line_across_does() -> None:
    heatmaps = torch.stack([gaussian(4, 9), gaussian(11.3, 2.6, peak=0.3)])
    rows, columns = project(heatmaps)
    for k in range(2):
        assert rows[k].tolist() == [max(row) for row in heatmaps[k].tolist()]
        assert columns[k].tolist() == [max(column) for column in heatmaps[k].T.tolist()]
    torch.testing.assert_close(reconstruct(project(heatmaps)), heatmaps, atol=0.02, rtol=0)
    line = torch.eye(16)[None]
    torch.testing.assert_close(reconstruct(project(line)), torch.ones(1, 16, 16))
    assert not reconstruct(project(-heatmaps)).any()


class Heatmaps(nn.Module):
    """Returns given heatmaps."""

    def __init__(self, heatmaps: Tensor) -> None:
        super().__init__()
        self.heatmaps = heatmaps

    def forward(self, pixels: Tensor, samples: None, *, mode: str) -> Tensor:
        assert samples is None and mode == "tensor"
        return self.heatmaps[None]


SAMPLE = Sample(np.full((96, 64, 3), 120, np.uint8), torch.zeros(1, 3, 96, 64))


def test_panels() -> None:
    model = Heatmaps(torch.stack([gaussian(4, 9, peak=0.4), gaussian(11, 15)]))
    drawn, again = projection_panels(model, SAMPLE)
    assert drawn.title == "2 heatmaps, projected" and again.title == "reconstructed, error 0.0%"
    assert drawn.image.shape == (96 + 16, 64 + 16, 3), "with curves above and beside the image"
    assert (drawn.image[:16, :64] < 255).any() and (drawn.image[16:, 64:] < 255).any()
    assert (drawn.image[:16, 64:] == 255).all()
    product, total = fusion_panels(model, SAMPLE)
    assert product.title.startswith("keypoint 1, product: ")
    shares = [float(panel.title.split(": ")[1].split("%")[0]) for panel in (product, total)]
    assert 0 < 2 * shares[0] < shares[1], "the sum looks at more than the product"


def test_a_head_without_heatmaps() -> None:
    with pytest.raises(ValueError, match="heatmaps"):
        projection_panels(Heatmaps(torch.zeros(4, 8)), SAMPLE)


def test_focus() -> None:
    assert focus(torch.tensor([0.0, 1.0, 2.0, 4.0])) == 0.25
