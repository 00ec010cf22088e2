"""Scores over FLOPs with the size of the points, as the papers draw them (Fig. 4 of X-HRNet, Fig. 1 of SFM).

The page of the tables has the same marks as SVG, see :mod:`.scatter`; this is an image for a report or slides.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mmpose_ext.atomic import atomic_write
from mmpose_ext.toolbox.reproduction.page import marks
from mmpose_ext.toolbox.reproduction.report import Tables, heading
from mmpose_ext.toolbox.reproduction.scatter import Mark

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox, BboxBase

__all__ = ["plot_tables"]

_AREA = 12.0
"""Square points of the plot for a million parameters."""
_LEAST = 14.0
"""Area of the smallest point."""
_SIDES = ((0, -1), (1, 0), (0, 1), (-1, 0), (1, -1), (-1, 1), (1, 1), (-1, -1))
"""Where a name may stand, seen from its point: right is 1, above is 1."""

_DPI = 120
_FAR = 20.0
"""Ratio of the FLOPs from which their axis is logarithmic."""


class Name(NamedTuple):
    """The name of a network in a plot."""

    text: Annotation
    points: list[tuple[float, float, float]]
    """Where it may stand: x and y as the axes count, and the distance to it in points of the page."""


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

    figure = Figure(figsize=(7 * len(tables), 5), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    drawn = []
    for axis, (paper, table, rows) in zip(figure.subplots(1, len(tables), squeeze=False)[0], tables, strict=True):
        metric, data, found, _ = marks(rows)
        if not found:
            raise ValueError(f"expected scores in {heading(paper, table)}, got none")
        drawn.append((axis, found, _draw(axis, found, own=paper.name)))
        axis.set_title(f"{heading(paper, table)}\nhollow: paper, full: measured here; area: parameters", fontsize=9)
        axis.set(xlabel="GFLOPs of one image", ylabel=f"{metric} on {data}")
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the layout is settled: names find their places in it
    for axis, found, names in drawn:
        place_names(names, [*_circles(axis, found), *_along(axis)], within=axis.bbox)
    with atomic_write(path) as file:
        figure.savefig(file, dpi=_DPI)
    return path


def _draw(axis: Axes, found: Sequence[Mark], *, own: str) -> list[Name]:
    """Draw points and lines; returns the names of the networks."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    networks, names = list(dict.fromkeys(mark.network for mark in found)), []
    for i, network in enumerate(networks):
        color, same = f"C{i % 10}", [mark for mark in found if mark.network == network]
        line = sorted((mark.x, mark.y) for mark in same if not mark.measured)
        style = "-" if network.lower().startswith(own.lower()) else "--"
        axis.plot(*zip(*line, strict=True), style, color=color, linewidth=1, zorder=1) if line else None
        for mark in same:
            face = color if mark.measured else "none"
            axis.scatter(mark.x, mark.y, s=_area(mark), facecolors=face, edgecolors=color, linewidths=1.4, zorder=2)
        names.append(_name(axis, network, same, color, own=style == "-"))
    costs = [mark.x for mark in found]
    if max(costs) > _FAR * min(costs):
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
    axis.margins(0.15)
    axis.grid(alpha=0.25)
    return names


def _area(mark: Mark) -> float:
    return _LEAST + _AREA * (mark.parameters or 0)


def _name(axis: Axes, network: str, same: Sequence[Mark], color: str, *, own: bool) -> Name:
    """Write the name of a network at its points, the last one first; :func:`place_names` chooses."""
    size: dict[str, Any] = dict(fontsize=7, color=color, weight="bold" if own else "normal")
    points = sorted(same, key=lambda mark: -mark.x)
    text = axis.annotate(network, (points[0].x, points[0].y), xytext=(0, 0), textcoords="offset points", **size)
    return Name(text, [(mark.x, mark.y, math.sqrt(_area(mark)) / 2 + 4) for mark in points])


def _circles(axis: Axes, found: Sequence[Mark]) -> list[Bbox]:
    """What the points cover, in pixels."""
    from matplotlib.transforms import Bbox

    boxes = []
    for mark in found:
        x, y = axis.transData.transform((mark.x, mark.y))
        radius = (math.sqrt(_area(mark)) / 2 + 2) * _DPI / 72
        boxes.append(Bbox.from_extents(x - radius, y - radius, x + radius, y + radius))
    return boxes


def _along(axis: Axes) -> list[Bbox]:
    """What the lines cover, in pixels, as chains of small boxes."""
    from matplotlib.transforms import Bbox

    boxes = []
    for line in axis.get_lines():
        points = axis.transData.transform(line.get_xydata())
        for first, second in itertools.pairwise(points):
            steps = max(1, int(math.dist(first, second) / 4))
            for x, y in ((first + (second - first) * i / steps) for i in range(steps + 1)):
                boxes.append(Bbox.from_extents(x - 2, y - 2, x + 2, y + 2))
    return boxes


def place_names(names: Sequence[Name], taken: Sequence[Bbox], *, within: BboxBase) -> None:
    """Put each name beside one of its points, where it covers least of points, lines and the names before it.

    Args:
        names: In the order in which they choose.
        taken: What the drawing covers, in pixels.
        within: The plot, in pixels.
    """
    boxes = list(taken)
    for name in names:
        places = [(point, side) for point in name.points for side in _SIDES]
        covered = [_covered(_put(name.text, *place), boxes, within) for place in places]
        boxes.append(_put(name.text, *places[covered.index(min(covered))]))


def _put(text: Annotation, point: tuple[float, float, float], side: tuple[int, int]) -> Bbox:
    """Move a name to one side of a point; returns what it covers."""
    away = point[2] / math.hypot(*side)
    text.xy = point[:2]
    text.set(
        position=(side[0] * away, side[1] * away),
        ha={-1: "right", 0: "center", 1: "left"}[side[0]],
        va={-1: "top", 0: "center", 1: "bottom"}[side[1]],
    )
    return text.get_window_extent()


def _covered(box: Bbox, taken: Sequence[Bbox], within: BboxBase) -> float:
    """Pixels of a box that lie on what is taken, and outside."""
    shared = (box.intersection(box, other) for other in (*taken, within))
    areas = [one.width * one.height if one else 0.0 for one in shared]
    return sum(areas[:-1]) + box.width * box.height - areas[-1]
