"""Sines as positions for a training from scratch."""

import pytest
import torch

from mmpose_ext.models.sharpose import sine_positions


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
