"""A benchmark from names to a report: networks are built, brought into their forms, measured and compared."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from mmpose_ext.toolbox.benchmark.report import references, table, write_json, write_plot
from mmpose_ext.toolbox.benchmark.timing import Entry, Settings, environment, measure, prepare
from mmpose_ext.toolbox.networks import load_candidates

__all__ = ["Benchmark", "benchmark"]

MAX_DIFFERENCE = 1e-3
"""To the eager output, relative to the largest output; forms beyond it get a warning."""


class Benchmark(NamedTuple):
    """What was measured."""

    entries: list[Entry]
    """Each network in each form."""
    settings: Settings
    against: list[Entry]
    """Those that the others are compared with."""
    about: dict[str, Any]
    """Hardware, versions, settings, command and date."""
    json: Path
    """All samples."""
    plot: Path

    def table(self) -> str:
        """One Markdown table for each batch size, and what it was measured on."""
        about = self.about
        where = f"{about['gpu'] or about['cpu']}, {self.settings.threads} thread(s), torch {about['versions']['torch']}"
        return f"{table(self.entries, self.settings, self.against)}\n\n{where}"

    def warnings(self) -> list[str]:
        """One sentence for each form whose output is not that of the eager one."""
        wrong = [entry for entry in self.entries if entry.max_difference > MAX_DIFFERENCE]
        return [f"{entry.label}, {entry.mode} differs from eager by {entry.max_difference:.1e}" for entry in wrong]


def benchmark(
    configs: Sequence[str],
    against: Sequence[str] = (),
    *,
    settings: Settings | None = None,
    checkpoint: str | Path | None = None,
    shape: tuple[int, int] | None = None,
    out: str | Path = "work_dirs/bench",
    command: str = "",
    progress: bool = True,
) -> Benchmark:
    """Measure latency and throughput in turns in one process, and write all samples as JSON and a plot.

    Args:
        configs: Configs or functions, as for :func:`.load_candidate`.
        against: What to compare with; the first of ``configs`` where there is none.
        settings: How to measure; None for the defaults.
        checkpoint: Weights of the first network; all others are random.
        shape: Input height and width in place of the configs'.
        out: Folder of both files.
        command: The command line, for the JSON file.
        progress: Whether to show a progress bar.

    Raises:
        ValueError: For a config, checkpoint or form that can't be used.
    """
    settings = settings or Settings()
    candidates = load_candidates([*configs, *against], shape=shape)
    entries: list[Entry] = []
    for number, candidate in enumerate(candidates):
        entries += prepare(candidate, settings, checkpoint=checkpoint if number == 0 else None)
    measure(entries, settings, progress=progress)
    about = environment(settings, command)
    compared = references(entries, [one.label for one in candidates if one.source in against])
    path = Path(out) / f"bench-{datetime.now():%Y%m%d-%H%M%S}"
    write_json(path.with_suffix(".json"), entries, about, compared)
    write_plot(path.with_suffix(".png"), entries, settings)
    return Benchmark(entries, settings, compared, about, path.with_suffix(".json"), path.with_suffix(".png"))
