"""Sines as positions for a training from scratch."""

import pytest
import torch
from mmengine.registry import WEIGHT_INITIALIZERS

from mmpose_ext.models.sharpose import SHaRPose, sine_positions

ARCH = dict(width=16, depth=2, num_heads=2)
INIT = [dict(type="TruncNormal", layer="Linear", std=0.02, bias=0), dict(type="SinePositions", token_std=0.5)]


def test_equal_to_a_loop():
    table = sine_positions((2, 3), 8, temperature=100.0)
    assert table.shape == (1, 6, 8)
    for row in range(2):
        for column in range(3):
            angles = torch.tensor([column, column / 100, row, row / 100])
            torch.testing.assert_close(table[0, 3 * row + column], torch.cat([angles.sin(), angles.cos()]))


def test_positions_are_told_apart():
    table = sine_positions((16, 12), 384)[0]
    distances = torch.cdist(table, table) + torch.eye(len(table)) * 1e3
    assert distances.min() > 1


def test_width_that_is_no_multiple_of_four():
    with pytest.raises(ValueError, match="multiple of 4, got 10"):
        sine_positions((2, 2), 10)


def test_init_cfg_fills_both_tables_and_the_tokens():
    torch.manual_seed(0)
    network = SHaRPose(ARCH, 5, input_size=(32, 48), patch_size=4, init_cfg=INIT)
    network.init_weights()
    for name, grid in network.grids.items():
        torch.testing.assert_close(getattr(network, name).detach(), sine_positions(grid, network.width))
    assert 0.2 < network.keypoint_tokens.std() < 0.8
    assert network.blocks[0].attn.qkv.weight.std() < 0.03
    assert "SinePositions" in WEIGHT_INITIALIZERS
