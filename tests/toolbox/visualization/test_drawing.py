"""Heat maps, masks and the sheet."""

from __future__ import annotations

import numpy as np

from mmpose_ext.toolbox.visualization import Panel
from mmpose_ext.toolbox.visualization.drawing import dim, heat, sheet

GREY = np.full((40, 30, 3), 100, dtype=np.uint8)


def test_heat_is_red_where_it_is_large():
    values = np.zeros((4, 3))
    values[0, 0] = 1
    drawn = heat(GREY, values, smooth=False)
    assert drawn.shape == GREY.shape and drawn.dtype == np.uint8
    assert drawn[2, 2, 0] > drawn[2, 2, 2] and drawn[-1, -1, 2] > drawn[-1, -1, 0]


def test_constant_values():
    drawn = heat(GREY, np.ones((4, 3)))
    assert (drawn == drawn[0, 0]).all()


def test_dim_leaves_what_is_kept():
    keep = np.zeros((4, 3), dtype=bool)
    keep[1, 2] = True
    drawn = dim(GREY, keep)
    assert (drawn[10:20, 20:30] == 100).all()
    assert (drawn == 100).all(-1).sum() == 100
    assert (drawn[0] == 25).all()


def test_sheet_has_room_for_all():
    panels = [Panel(f"number {i}", GREY) for i in range(5)]
    page = sheet(panels, height=40, columns=3)
    assert page.shape[0] == 2 * 60 and page.shape[1] % 3 == 0
    tile = page.shape[1] // 3
    assert (page[60 + 25, 5 + tile] == 100).all(), "the fifth picture"
    assert (page[60:, 2 * tile :] == 255).all(), "nothing behind the last one"
