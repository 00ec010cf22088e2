"""How cost grows: time over input size, batch size, persons per image and number of images, with a fitted exponent.

Of size and batch the time is that of a network's forward pass, in the forms of :mod:`.timing`; of persons and images
that of ``mmpose-ext infer`` and ``mim test`` as a whole, see :mod:`.whole_commands`. All points of an axis take turns,
and the order rotates from round to round. The exponent p is that of t = a x^p, by least squares of log t, t the median
of the rounds: 1 is linear, and below 1 something is shared, such as the start of an operation.
"""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from tqdm import tqdm

from mmpose_ext.toolbox.benchmark.rendered_images import write_images
from mmpose_ext.toolbox.benchmark.timing import Entry, Settings, images_for, prepare, timer_for
from mmpose_ext.toolbox.benchmark.whole_commands import InferPass, TestPass
from mmpose_ext.toolbox.networks import Candidate, config_candidate

__all__ = ["AXES", "Axis", "Line", "Point", "exponent", "scaled", "sweep", "take_turns"]

IMAGES, PERSONS = 4, 2
"""Images where persons per image are swept, persons in each where images are."""


class Axis(NamedTuple):
    """What grows."""

    values: tuple[float, ...]
    """By default."""
    unit: str
    """What the cost is fitted against."""


AXES = {
    "size": Axis((0.5, 1, 1.5, 2), "pixels"),
    "batch": Axis((1, 2, 4, 8, 16), "batch size"),
    "persons": Axis((1, 2, 4, 8, 16), "persons per image"),
    "images": Axis((4, 8, 16, 32), "images"),
}
"""Name -> axis. Values of ``size`` are factors of the height and the width of a config's input."""


@dataclass
class Line:
    """How the time of one thing grows along one axis.

    Attributes:
        axis: Key of :data:`AXES`.
        label: Name of the network.
        what: Mode of a network, or the command.
        seconds: Value on the axis (pixels, batch size, ...) -> one time per round.
    """

    axis: str
    label: str
    what: str
    seconds: dict[float, list[float]] = field(default_factory=dict)

    @property
    def medians(self) -> dict[float, float]:
        """Value -> median in seconds."""
        return {x: statistics.median(samples) for x, samples in self.seconds.items()}

    @property
    def exponent(self) -> float:
        """The p of t = a x^p; NaN for a single value."""
        return exponent(self.medians)


class Point(NamedTuple):
    """One thing at one value."""

    line: Line
    x: float
    timed: Callable[[], float]
    """Does it once, and says how many seconds that took."""


def exponent(times: Mapping[float, float]) -> float:
    """Fit t = a x^p by least squares of the logarithms.

    Args:
        times: x -> t.

    Returns:
        p; NaN where there are fewer than two values.
    """
    if len(times) < 2:
        return math.nan
    return statistics.linear_regression([math.log(x) for x in times], [math.log(t) for t in times.values()]).slope


def take_turns(points: Sequence[Point], rounds: int, *, bar: Any = None) -> None:
    """Time all points in turns; the samples are left in :attr:`Line.seconds`.

    Args:
        points: Of one axis.
        rounds: How often each has its turn.
        bar: A progress bar, updated after each round.
    """
    for i in range(rounds):
        start = i % len(points)
        for point in [*points[start:], *points[:start]]:
            point.line.seconds.setdefault(point.x, []).append(point.timed())
        if bar is not None:
            bar.update()
    for line in {id(point.line): point.line for point in points}.values():
        line.seconds = dict(sorted(line.seconds.items()))


def sweep(
    candidates: Sequence[Candidate],
    axes: Mapping[str, Sequence[float]],
    settings: Settings,
    *,
    clock: Callable[[], float] = time.perf_counter,
    progress: bool = True,
) -> list[Line]:
    """Measure how cost grows.

    Args:
        candidates: Networks.
        axes: Key of :data:`AXES` -> values, at least one each; empty for the default.
        settings: How to measure; the first of ``batches`` is that of the axis ``size``.
        clock: Seconds, for the commands.
        progress: Whether to show a progress bar.

    Raises:
        ValueError: If an axis or a value is unknown, or a network can't be built or run at a value.
    """
    chosen = {name: tuple(values) or _axis(name).values for name, values in axes.items()}
    for name, values in chosen.items():
        _check(name, values)
    lines: list[Line] = []
    threads = torch.get_num_threads()
    torch.set_num_threads(settings.threads)
    try:
        with tqdm(total=len(chosen) * settings.rounds, desc="rounds", disable=not progress) as bar:
            for name, values in chosen.items():
                with tempfile.TemporaryDirectory() as folder:
                    if name in ("size", "batch"):
                        points = list(_forward_points(name, candidates, values, settings))
                    else:
                        points = list(_command_points(name, candidates, values, settings, Path(folder), clock))
                    take_turns(points, settings.rounds, bar=bar)
                lines += {id(point.line): point.line for point in points}.values()
    finally:
        torch.set_num_threads(threads)
    return lines


def _axis(name: str) -> Axis:
    if name not in AXES:
        raise ValueError(f"expected an axis among {', '.join(AXES)}, got {name!r}")
    return AXES[name]


def _check(name: str, values: Sequence[float]) -> None:
    whole = all(float(value).is_integer() for value in values)
    if len(set(values)) != len(values) or min(values) <= 0 or (not whole and _axis(name) is not AXES["size"]):
        kind = "factors above 0" if name == "size" else "whole numbers of at least 1"
        raise ValueError(f"expected different {kind} for the axis {name}, got {', '.join(f'{v:g}' for v in values)}")


def _forward_points(
    axis: str, candidates: Sequence[Candidate], values: Sequence[float], settings: Settings
) -> Iterator[Point]:
    def point(line: Line, x: float, batch: int, entry: Entry) -> Point:
        images = images_for(batch, entry.shape, settings)
        return Point(line, x, torch.inference_mode()(partial(timer_for(settings), entry.forward, images)))

    for candidate in candidates:
        lines = {mode: Line(axis, candidate.label, mode) for mode in settings.modes}
        if axis == "batch":
            batches = tuple(int(value) for value in values)
            for entry in prepare(candidate, replace(settings, batches=batches)):
                yield from (point(lines[entry.mode], batch, batch, entry) for batch in batches)
            continue
        for factor in values:
            sized = scaled(candidate, factor)
            for entry in prepare(sized, replace(settings, batches=settings.batches[:1])):
                yield point(lines[entry.mode], math.prod(entry.shape), settings.batches[0], entry)


def _command_points(
    axis: str,
    candidates: Sequence[Candidate],
    values: Sequence[float],
    settings: Settings,
    folder: Path,
    clock: Callable[[], float],
) -> Iterator[Point]:
    sets = {}
    for value in map(int, values):
        images, persons = (value, PERSONS) if axis == "images" else (IMAGES, value)
        sets[value] = folder / f"{axis}-{value}"
        write_images(sets[value], images=images, persons=persons, seed=settings.seed)

    def timed(command: Callable[[], object]) -> float:
        start = clock()
        command()
        return clock() - start

    for number, candidate in enumerate(candidates):
        for name, kind in (("infer", InferPass), ("test", TestPass)):
            command = kind(candidate, device=settings.device, out=folder / f"{number}-{name}")
            line = Line(axis, candidate.label, name)
            for value, place in sets.items():
                call = command.on(place)
                if value == min(sets):
                    call()  # the first pass also loads libraries
                yield Point(line, value, partial(timed, call))


SIZES = {"input_size", "heatmap_size", "img_size", "in_featuremap_size"}
"""Keys of a config whose two numbers grow with the image."""


def scaled(candidate: Candidate, factor: float) -> Candidate:
    """A network for larger or smaller images.

    Args:
        candidate: A network. Of a config, sizes inside the model follow.
        factor: Of height and width.

    Raises:
        ValueError: If a size isn't whole then.
    """
    shape = _times(candidate.require_shape(), factor, candidate.source)
    if candidate.config is None:
        return replace(candidate, shape=shape)
    config = Config(candidate.config.to_dict(), filename=candidate.config.filename)
    _scale(config.model, factor, candidate.source)
    return config_candidate(config, candidate.label, source=candidate.source, shape=shape)


def _scale(part: Any, factor: float, source: str) -> None:
    """Scale all sizes inside, in place."""
    if isinstance(part, dict):
        for key, value in list(part.items()):
            if key in SIZES and isinstance(value, (list, tuple)) and len(value) == 2:
                part[key] = _times(value, factor, source)
            else:
                _scale(value, factor, source)
    elif isinstance(part, (list, tuple)):
        for one in part:
            _scale(one, factor, source)


def _times(size: Sequence[float], factor: float, source: str) -> tuple[int, int]:
    first, second = (number * factor for number in size)
    if not (float(first).is_integer() and float(second).is_integer()):
        raise ValueError(f"expected a factor that leaves whole sizes in {source}, got {factor:g} for {tuple(size)}")
    return int(first), int(second)
