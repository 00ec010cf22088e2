"""What a sweep leaves behind: a Markdown table, a JSON file with every sample, and a plot."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from mmpose_ext.atomic import atomic_write
from mmpose_ext.toolbox.benchmark.sweep import AXES, Line, sweep
from mmpose_ext.toolbox.benchmark.timing import Settings, environment, quartiles
from mmpose_ext.toolbox.catalogue.markdown import markdown_table
from mmpose_ext.toolbox.networks import load_candidates

__all__ = ["SweepReport", "report_sweep", "sweep_table", "write_report"]


class SweepReport(NamedTuple):
    """What was measured, and where it is."""

    lines: list[Line]
    json: Path
    """All samples."""
    plot: Path

    def table(self) -> str:
        """One Markdown table for each axis."""
        return sweep_table(self.lines)

    def warnings(self) -> list[str]:
        """None, as in :meth:`.Benchmark.warnings`."""
        return []


def report_sweep(
    configs: Sequence[str],
    axes: Mapping[str, Sequence[float]],
    *,
    settings: Settings,
    shape: tuple[int, int] | None = None,
    out: str | Path = "work_dirs/bench",
    command: str = "",
    progress: bool = True,
) -> SweepReport:
    """Measure how cost grows, and write all samples as JSON and a plot.

    Args:
        configs: Configs, or functions for the axes ``size`` and ``batch``.
        axes: As for :func:`.sweep`.
        settings: How to measure.
        shape: Input height and width in place of the configs'.
        out: Folder of both files.
        command: The command line, for the JSON file.
        progress: Whether to show a progress bar.

    Raises:
        ValueError: For a config, axis or value that can't be used.
    """
    lines = sweep(load_candidates(configs, shape=shape), axes, settings, progress=progress)
    return write_report(lines, environment(settings, command), out)


def sweep_table(lines: Sequence[Line]) -> str:
    """One Markdown table for each axis: milliseconds at each value, and the exponent.

    Args:
        lines: Measured ones.
    """
    parts = []
    for axis in dict.fromkeys(line.axis for line in lines):
        of_axis = [line for line in lines if line.axis == axis]
        values = sorted({x for line in of_axis for x in line.seconds})
        rows = []
        for line in of_axis:
            medians = line.medians
            cells = [f"{1e3 * medians[x]:.1f}" if x in medians else "" for x in values]
            rows.append([line.label, line.what, *cells, f"{line.exponent:.2f}"])
        header = ["network", "what", *(f"{x:.0f}" for x in values), "exponent"]
        parts.append(f"Milliseconds over {AXES[axis].unit}\n\n{markdown_table(header, rows)}")
    return "\n\n".join(parts)


def write_report(lines: Sequence[Line], about: dict[str, Any], out: str | Path) -> SweepReport:
    """Write every sample as JSON, and a plot with logarithmic axes.

    Args:
        lines: Measured ones.
        about: What :func:`.timing.environment` returned.
        out: Folder of both files.
    """
    path = Path(out) / f"sweep-{datetime.now():%Y%m%d-%H%M%S}"
    results = [
        dict(axis=line.axis, label=line.label, what=line.what, exponent=line.exponent, seconds=line.seconds)
        for line in lines
    ]
    with atomic_write(path.with_suffix(".json")) as file:
        file.write_text(json.dumps({**about, "results": results}, indent=1) + "\n")
    _plot(path.with_suffix(".png"), lines)
    return SweepReport(list(lines), path.with_suffix(".json"), path.with_suffix(".png"))


def _plot(path: Path, lines: Sequence[Line]) -> None:
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator, ScalarFormatter

    axes = list(dict.fromkeys(line.axis for line in lines))
    height = 4 + 0.2 * max(sum(line.axis == axis for line in lines) for axis in axes)
    figure = Figure(figsize=(5.5 * len(axes), height), layout="constrained")
    for panel, axis in zip(figure.subplots(1, len(axes), squeeze=False)[0], axes, strict=True):
        for line in (line for line in lines if line.axis == axis):
            middles = [1e3 * median for median in line.medians.values()]
            ranges = [[1e3 * x for x in quartiles(samples)] for samples in line.seconds.values()]
            whiskers = [[m - low for low, m, _ in ranges], [high - m for _, m, high in ranges]]
            name = f"{line.exponent:.2f}  {line.label}, {line.what}"
            panel.errorbar(list(line.seconds), middles, yerr=whiskers, marker="o", markersize=4, label=name)
        values = sorted({x for line in lines if line.axis == axis for x in line.seconds})
        panel.set(xscale="log", yscale="log", xlabel=AXES[axis].unit, ylabel="ms, median and quartiles")
        panel.set_xticks(values, [f"{x:.0f}" for x in values])
        panel.xaxis.set_minor_locator(NullLocator())
        panel.yaxis.set_major_formatter(ScalarFormatter())
        panel.yaxis.set_minor_formatter(ScalarFormatter())
        panel.grid(alpha=0.3, which="both")
        panel.legend(fontsize=7, title="exponent", loc="upper center", bbox_to_anchor=(0.5, -0.15))
    with atomic_write(path) as file:
        figure.savefig(file, dpi=120)
