"""The latency of one image, all rows in turns in one process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mmpose_ext.toolbox.benchmark import timing as benchmark
from mmpose_ext.toolbox.networks import load_candidate
from mmpose_ext.toolbox.reproduction.rows import Row

__all__ = ["add_latency"]


def add_latency(unique: dict[str, Row], root: Path, *, rounds: int, threads: int) -> None:
    """Measure one image at a time, and store it with the rows.

    Args:
        unique: Config -> row.
        root: The folder that holds ``configs``.
        rounds: How often each row has its turn.
        threads: CPU threads.
    """
    settings = benchmark.Settings(batches=(1,), rounds=rounds, threads=threads)
    entries = {
        config: benchmark.prepare(load_candidate(row.source(root), shape=row.shape), settings)[0]
        for config, row in unique.items()
        if not row.lacks
    }
    benchmark.measure(list(entries.values()), settings)
    about = benchmark.environment(settings, "mmpose-ext reproduce --latency")
    for config, entry in entries.items():
        _, median, _ = benchmark.quartiles(entry.seconds[1])
        conditions = {
            "threads": threads,
            "rounds": rounds,
            "hardware": about["gpu"] or about["cpu"],
            "mode": entry.mode,
        }
        unique[config] = replace(unique[config], latency={"milliseconds": round(1000 * median, 3), **conditions})
