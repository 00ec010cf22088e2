"""Scores over FLOPs with the size of the points, as the papers draw them (Fig. 4 of X-HRNet, Fig. 1 of SFM).

The page of the tables has the same marks as SVG, see :mod:`.scatter`; this is an image for a report or slides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmpose_ext.atomic import atomic_write
from mmpose_ext.toolbox.reproduction.page import marks
from mmpose_ext.toolbox.reproduction.report import Tables, heading
from mmpose_ext.toolbox.reproduction.scatter import Mark

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_tables"]

_AREA = 12.0
"""Square points of the plot for a million parameters."""
_LEAST = 14.0
"""Area of the smallest point."""
_FAR = 20.0
"""Ratio of the FLOPs from which their axis is logarithmic."""


def plot_tables(tables: Tables, path: Path) -> Path:
    """Draw the main score of tables over FLOPs, side by side; the area of a point grows with the parameters.

    Points of one network at several input sizes are joined: solid for the paper's own networks, the others dashed.

    Args:
        tables: Each with its paper and rows.
        path: A PNG to write.

    Returns:
        The path.

    Raises:
        ValueError: If a table has no score.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7 * len(tables), 5), layout="constrained")
    FigureCanvasAgg(figure)
    for axis, (paper, table, rows) in zip(figure.subplots(1, len(tables), squeeze=False)[0], tables, strict=True):
        metric, data, found, _ = marks(rows)
        if not found:
            raise ValueError(f"expected scores in {heading(paper, table)}, got none")
        _draw(axis, found, own=paper.name)
        axis.set_title(f"{heading(paper, table)}\nhollow: paper, full: measured here; area: parameters", fontsize=9)
        axis.set(xlabel="GFLOPs of one image", ylabel=f"{metric} on {data}")
    with atomic_write(path) as file:
        figure.savefig(file, dpi=120)
    return path


def _draw(axis: Axes, found: Sequence[Mark], *, own: str) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    networks = list(dict.fromkeys(mark.network for mark in found))
    for i, network in enumerate(networks):
        color, same = f"C{i % 10}", [mark for mark in found if mark.network == network]
        line = sorted((mark.x, mark.y) for mark in same if not mark.measured)
        style = "-" if network.lower().startswith(own.lower()) else "--"
        axis.plot(*zip(*line, strict=True), style, color=color, linewidth=1, zorder=1) if line else None
        for mark in same:
            face = color if mark.measured else "none"
            axis.scatter(mark.x, mark.y, s=_area(mark), facecolors=face, edgecolors=color, linewidths=1.4, zorder=2)
        _name(axis, network, same, color, above=style == "-")
    costs = [mark.x for mark in found]
    if max(costs) > _FAR * min(costs):
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
    axis.margins(0.15)
    axis.grid(alpha=0.25)


def _area(mark: Mark) -> float:
    return _LEAST + _AREA * (mark.parameters or 0)


def _name(axis: Axes, network: str, same: Sequence[Mark], color: str, *, above: bool) -> None:
    """Write the name of a network at its last point: the paper's own above it, the others below."""
    last = max(same, key=lambda mark: mark.x)
    away = math.sqrt(_area(last)) / 2 + 4
    where: dict[str, Any] = dict(xytext=(0, away if above else -away), textcoords="offset points")
    side = "left" if len(same) > 1 else "center"  # a line comes from the left
    place: dict[str, Any] = dict(ha="right" if above else side, va="bottom" if above else "top")
    weight = "bold" if above else "normal"
    axis.annotate(network, (last.x, last.y), **where, **place, fontsize=7, color=color, weight=weight)
