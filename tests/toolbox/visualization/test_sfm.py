"""SFM's attention over a picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmpose.registry import MODELS
from torch import nn

from mmpose_ext.toolbox.visualization import Sample, panels_of
from mmpose_ext.toolbox.visualization.drawing import heat
from mmpose_ext.toolbox.visualization.sfm import place


@pytest.mark.parametrize(("name", "panels"), [("HighLevelSpatialAttention", 8), ("SpatialAttention", 4)])
def test_maps_of_every_block(name: str, panels: int) -> None:
    backbone = dict(type="SFM", arch=dict(channels=(8, 12), block="conv"), attention=name)
    head = dict(type="SFMHead", in_channels=8, out_channels=3)
    model = MODELS.build(dict(type="TopdownPoseEstimator", backbone=backbone, head=head)).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.2)
    sample = Sample(np.full((32, 24, 3), 90, np.uint8), torch.randn(1, 3, 32, 24))
    found = panels_of(model, sample)
    assert len(found) == panels and len({panel.title for panel in found}) == panels
    assert all(panel.image.shape == (32, 24, 3) for panel in found)
    deepest, block = model.backbone.down1.nodes["2"]
    with torch.no_grad():
        x11 = model.backbone.stem(sample.pixels)
        maps = block.attention(deepest(model.backbone.down1.downsample["2"](x11)))
    expected = heat(sample.image, (maps.low + maps.low * maps.high)[0, 0].numpy())
    assert found[0].title.startswith("X_21: ")
    assert place("backbone.layer4.hsa_plugin0") == "backbone.layer4.hsa_plugin0"
    np.testing.assert_array_equal(found[0].image, expected)
    assert not any(module._forward_hooks for module in model.modules())
