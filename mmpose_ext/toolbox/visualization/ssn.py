"""SSN: a non-local map, the effective receptive fields of two of its points, and their windows (Figure 7)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from mmpose_ext.models.ssn import FeatureShiftModule
from mmpose_ext.toolbox.studies.ssn import effective_receptive_field, modules_of, record, shifted_positions
from mmpose_ext.toolbox.studies.ssn_plots import draw_window
from mmpose_ext.toolbox.visualization import Panel, Sample
from mmpose_ext.toolbox.visualization.drawing import heat

NUMBER = 3
"""Of the module that is drawn, as in the paper: the last one before the first early stage predictor."""


def visualize(module: nn.Module, model: nn.Module, sample: Sample) -> list[Panel]:
    """Draw FSM3, or the last module of a network with fewer; its liveliest non-local map at its two highest peaks.

    Args:
        module: The backbone.
        model: The pose estimator.
        sample: One person.
    """
    fsms = modules_of(module)
    name = f"FSM{min(NUMBER, len(fsms))}"
    return panels(fsms[name], name, model, sample)


def panels(
    fsm: FeatureShiftModule,
    name: str,
    model: nn.Module,
    sample: Sample,
    *,
    channel: int | None = None,
    points: list[tuple[int, int]] | None = None,
) -> list[Panel]:
    """Draw one module.

    Args:
        fsm: The module.
        name: For the titles.
        model: The pose estimator.
        sample: One person.
        channel: Of the non-local maps; the one that varies most without it.
        points: x and y in pixels of the image; the two highest peaks of the map without it.

    Raises:
        ValueError: If the channel does not exist, or if a point lies outside of the image.
    """
    with record(fsm) as taps, torch.no_grad():
        model.extract_feat(sample.pixels)
    maps, x = taps[0].non_local[0], taps[0].input
    height, width = maps.shape[1:]
    if channel is None:
        channel = int(maps.flatten(1).std(1).argmax())
    if not 0 <= channel < len(maps):
        raise ValueError(f"expected a channel from 0 to {len(maps) - 1}, got {channel}")
    places = peaks(maps[channel]) if points is None else [_on_map(p, sample.image, (height, width)) for p in points]
    drawn = [Panel(f"{name}, non-local map {channel}", heat(sample.image, maps[channel].numpy()))]
    for place in places:
        at = f"({place[0]}, {place[1]})"
        field = effective_receptive_field(fsm, x, channel, place).sqrt()
        window = shifted_positions(fsm, x, channel, place)
        drawn += [
            Panel(f"receptive field of {at}", heat(sample.image, field.numpy(), smooth=False)),
            Panel(f"window at {at}", draw_window(sample.image, window, place, (height, width))),
        ]
    return drawn


def peaks(values: Tensor, number: int = 2) -> list[tuple[int, int]]:
    """The highest places of a map, a quarter of its width apart at least.

    Args:
        values: (H, W).
        number: How many at most.

    Returns:
        x and y of each.
    """
    height, width = values.shape
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    left = values.clone()
    found: list[tuple[int, int]] = []
    while len(found) < number and torch.isfinite(left).any():
        y, x = divmod(int(left.argmax()), width)
        found.append((x, y))
        left[(rows - y) ** 2 + (columns - x) ** 2 < (width / 4) ** 2] = -torch.inf
    return found


def _on_map(point: tuple[int, int], image: np.ndarray, size: tuple[int, int]) -> tuple[int, int]:
    height, width = image.shape[:2]
    if not (0 <= point[0] < width and 0 <= point[1] < height):
        raise ValueError(f"expected a point inside of the {width}x{height} crop, got {point}")
    return point[0] * size[1] // width, point[1] * size[0] // height
