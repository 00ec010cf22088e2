"""A small scatter plot as SVG, drawn in the colors of the page that it stands in.

Colors are CSS variables (``--ink``, ``--faint``, ``--line``, ``--mark``), so that a page in the dark has dark plots.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Mark", "draw", "ticks"]

WIDTH, HEIGHT = 460, 320
LEFT, RIGHT, TOP, BOTTOM = 44, 16, 30, 44
_LETTER, _LINE, _RADIUS = 6.1, 13.0, 5.0
"""Width of a letter and height of a line of a label, radius of a mark."""

_FACTOR = 20
"""From this many times the least cost on, costs are drawn at logarithmic distances."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Mark:
    """A point of a plot.

    Attributes:
        x: Its cost.
        y: Its score.
        label: Its name.
        measured: Whether the score was measured here; if not, it is the paper's, and the mark is hollow.
        network: What its network has in common with that of other marks; "" for nothing.
        parameters: Of the network, in millions; None if not known.
    """

    x: float
    y: float
    label: str
    measured: bool
    network: str = ""
    parameters: float | None = None


@dataclass(frozen=True)
class Axis:
    """An axis from values to pixels.

    Attributes:
        marks: Values with a line and a number.
        low: Value at the first pixel.
        high: Value at the last pixel.
        start: First pixel.
        end: Last pixel.
        logarithmic: Whether equal steps are equal factors.
    """

    marks: Sequence[float]
    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Pixel of a value.

        Args:
            value: The value.
        """
        low, high = self.low, self.high
        if self.logarithmic:
            value, low, high = math.log(value), math.log(low), math.log(high)
        return self.start + (value - low) / (high - low) * (self.end - self.start)


def ticks(low: float, high: float, *, about: int = 5) -> list[float]:
    """Round numbers that enclose a range.

    Args:
        low: Least value.
        high: Greatest value.
        about: How many numbers are wanted.

    Returns:
        Numbers at equal steps of 1, 2 or 5 times a power of ten, the first at most ``low``, the last at least ``high``.
    """
    if high <= low:
        low, high = low - 0.5, low + 0.5
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= 0.7 * raw)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]


def draw(marks: Sequence[Mark], *, x_label: str, y_label: str, title: str) -> str:
    """Draw marks with their names.

    Args:
        marks: At least one mark.
        x_label: Below the plot.
        y_label: Above the vertical axis.
        title: What a screen reader says.
    """
    across = _axis([mark.x for mark in marks], LEFT, WIDTH - RIGHT, zero=True)
    up = _axis([mark.y for mark in marks], HEIGHT - BOTTOM, TOP)
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}">']
    for value in up.marks:
        y = up.at(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(LEFT - 7, y + 4, f"{value:g}", "end"))
    for value in across.marks:
        x = across.at(value)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(_text(x, HEIGHT - BOTTOM + 17, f"{value:g}", "middle"))
    parts.append(_text(LEFT, TOP - 12, y_label, "start", "name"))
    parts.append(_text(WIDTH - RIGHT, HEIGHT - 8, x_label, "end", "name"))
    places = [(across.at(mark.x), up.at(mark.y)) for mark in marks]
    for mark, place, label in zip(marks, places, _labels(marks, places), strict=True):
        parts.append(_point(mark, place, label))
    return "\n".join([*parts, "</svg>"])


def _axis(values: Sequence[float], start: float, end: float, *, zero: bool = False) -> Axis:
    """An axis with room around the values; one that may begin with zero does so if that is not far."""
    low, high = min(values), max(values)
    if zero and high > _FACTOR * low > 0:
        marks = _decades(low / 1.15, high * 1.15)
        return Axis(marks, marks[0], marks[-1], start, end, logarithmic=True)
    low = 0.0 if zero and (low < 0.6 * high or low == high) else low
    room = 0.08 * (high - low)
    marks = ticks(low if low == 0 else low - room, high + room)
    return Axis(marks, marks[0], marks[-1], start, end)


def _decades(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten that enclose a range; only the powers if these are many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(powers) < 5 else (1,)
    every = [float(f"{factor}e{power}") for power in powers for factor in factors]
    first = max(i for i, value in enumerate(every) if value <= low)
    last = min(i for i, value in enumerate(every) if value >= high)
    return every[first : last + 1]


def _point(mark: Mark, place: tuple[float, float], label: Box) -> str:
    x, y = place
    left, top, right, _ = label
    at, anchor = ((left + right) / 2, "middle") if left < x < right else (left, "start") if left > x else (right, "end")
    about = html.escape(f"{mark.label}: {mark.y:g} at {mark.x:.4g}, {'measured here' if mark.measured else 'paper'}")
    kind = "measured" if mark.measured else "paper"
    return (
        f'<g class="mark {kind}"><title>{about}</title><circle cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS:g}"/>'
        f"{_text(at, top + _LINE - 3, mark.label, anchor)}</g>"
    )


def _labels(marks: Sequence[Mark], places: Sequence[tuple[float, float]]) -> list[Box]:
    """A box for each label (left, top, right, bottom), beside its mark, where it covers least of what is there."""
    taken: list[Box] = [(x - _RADIUS, y - _RADIUS, x + _RADIUS, y + _RADIUS) for x, y in places]
    boxes: list[Box] = []
    for mark, (x, y) in zip(marks, places, strict=True):
        width = _LETTER * len(mark.label)
        best = min(_around(x, y, width), key=lambda box: (_cost(box, taken), abs(box[1] + _LINE / 2 - y)))
        boxes.append(best)
        taken.append(best)
    return boxes


def _around(x: float, y: float, width: float) -> list[Box]:
    """Where a label may stand: right, left, above and below its mark, and further off."""
    gap = _RADIUS + 4
    corners = []
    for step in (0.0, 0.7, 1.4):
        for sign in (-1, 1):
            shift = y - _LINE / 2 + sign * step * _LINE
            corners += [(x + gap, shift), (x - gap - width, shift)]
        corners += [(x - width / 2, y - gap - _LINE * (1 + step)), (x - width / 2, y + gap + _LINE * step)]
    return [(left, top, left + width, top + _LINE) for left, top in corners]


def _cost(box: Box, taken: Sequence[Box]) -> float:
    """Covered area, and what lies outside of the plot, which counts ten times."""
    left, top, right, bottom = box
    outside = (
        max(0.0, 2 - left) + max(0.0, right - WIDTH + 2) + max(0.0, TOP - 6 - top) + max(0.0, bottom - HEIGHT + BOTTOM)
    )
    covered = 0.0
    for a, b, c, d in taken:
        covered += max(0.0, min(right, c) - max(left, a)) * max(0.0, min(bottom, d) - max(top, b))
    return covered + 10 * _LINE * outside


def _text(x: float, y: float, words: str, anchor: str, kind: str = "") -> str:
    chosen = f' class="{kind}"' if kind else ""
    return f'<text{chosen} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(words)}</text>'
