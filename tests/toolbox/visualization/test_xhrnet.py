"""What is drawn for X-HRNet: the attention vectors of one block for each axis, constant along the other axis."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from mmpose_ext.models.xhrnet import SpatiallyUnidimensionalSelfAttention, XHRNet
from mmpose_ext.toolbox.visualization import Panel, Sample, panels_of


class Estimator(nn.Module):
    def __init__(self, block: str = "x-shuffle") -> None:
        super().__init__()
        self.backbone = XHRNet("18", input_size=(64, 64), block=block)

    def extract_feat(self, images: torch.Tensor) -> torch.Tensor:
        return self.backbone(images)


def drawn(block: str) -> list[Panel]:
    torch.manual_seed(0)
    return panels_of(Estimator(block).eval(), Sample(np.full((64, 64, 3), 120, np.uint8), torch.randn(1, 3, 64, 64)))


def test_stripes_across_the_other_axis() -> None:
    panels = drawn("x-shuffle")
    kinds = [panel.title.split(",")[:2] for panel in panels]
    assert [axis for axis, _ in kinds] == ["H-wise", "H-wise", "W-wise", "W-wise"]
    assert [kind.split()[0] for _, kind in kinds] == ["mean", "channel"] * 2
    for panel in panels:
        along = 1 if panel.title.startswith("H") else 0
        picture = panel.image.astype(int)
        assert picture.shape == (64, 64, 3)
        assert np.ptp(picture, axis=along).max() == 0, "one value for each row, or column"
        assert np.ptp(picture, axis=1 - along).max() > 0


@pytest.mark.parametrize("block", ["h-wise", "w-wise"])
def test_one_axis_alone(block: str) -> None:
    """The ablations of Table 4."""
    assert [panel.title.split(",")[0].lower() for panel in drawn(block)] == [block, block]


def test_the_values_are_those_of_the_block_and_no_hook_stays() -> None:
    torch.manual_seed(0)
    model = Estimator().eval()
    sample = Sample(np.full((64, 64, 3), 120, np.uint8), torch.randn(1, 3, 64, 64))
    seen = []
    blocks = [block for block in model.modules() if isinstance(block, SpatiallyUnidimensionalSelfAttention)]
    titles = [panel.title for panel in panels_of(model, sample)]
    assert not any(block._forward_pre_hooks for block in blocks)
    for block in blocks:
        block.register_forward_pre_hook(lambda one, inputs: seen.append((one, inputs[0])))
    with torch.no_grad():
        model.extract_feat(sample.pixels)
        rows = [(one, x) for one, x in seen if one.axis == "H"]
        largest = max(x.shape[2] for _, x in rows)
        block, x = [(one, x) for one, x in rows if x.shape[2] == largest][-1]
        mean = block.attention(x.permute(0, 2, 3, 1))[0].mean(1)
    assert titles[0] == f"H-wise, mean, {float(mean.min()):.2f} to {float(mean.max()):.2f}"
