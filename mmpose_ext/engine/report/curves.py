"""Loss, learning rate and scores over epochs or iterations, from the scalars that `LocalVisBackend` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from mmpose_ext.atomic import atomic_write

MAIN_SCORES = ("AP", "AP .5", "PCK", "AUC")
"""Scores that are plotted, besides everything that starts with `PCKh@`."""


class Curves(NamedTuple):
    """Scalars of a run, across its restarts.

    Attributes:
        train: Entries with `iter`, `loss`, `lr`, in order, and with `epoch` where the run is counted in epochs.
        val: Entries with `step` (the epoch or iteration) and the scores, in order.
        unit: What the run is counted in, `epoch` or `iter`: the key of `train` that is comparable with `step`.
    """

    train: list[dict[str, Any]]
    val: list[dict[str, Any]]
    unit: str = "epoch"


def read_scalars(work_dir: str | Path) -> Curves:
    """Join the scalars of all starts of a run.

    Each start writes into a folder of its own, named by its time. What an earlier start logged from the first epoch
    (or iteration) of a later one onwards was done again (a resumed run) or belongs to another run, and is dropped.

    Args:
        work_dir: The run's working directory.

    Returns:
        The joined scalars.
    """
    joined = Curves([], [])
    for path in sorted(Path(work_dir).glob("*/vis_data/scalars.json")):
        start = read_start(path)
        if not start.train:
            continue
        first = start.train[0][start.unit]
        before = joined if joined.unit == start.unit else Curves([], [])
        joined = Curves(
            [entry for entry in before.train if entry[start.unit] < first] + start.train,
            [entry for entry in before.val if entry["step"] < first] + start.val,
            start.unit,
        )
    return joined


def read_start(path: Path) -> Curves:
    """Read the scalars of one start of a run.

    Where iterations are counted, `step` of a score is the iteration if `LoggerHook` has `log_metric_by_epoch=False`,
    and else an epoch that nobody counts; the iteration logged before the score takes its place then.

    Args:
        path: `scalars.json` in a folder `vis_data`.

    Returns:
        Its scalars.
    """
    entries = _entries(path)
    train = [entry for entry in entries if "loss" in entry and "iter" in entry]
    unit = "epoch" if train and "epoch" in train[0] else "iter"
    val, last = [], 0
    for entry in entries:
        if "loss" in entry:
            last = entry.get("iter", last)
        elif "step" in entry:
            val.append(entry if unit == "epoch" else {**entry, "step": max(entry["step"], last)})
    return Curves(train, val, unit)


def _entries(path: Path) -> list[dict[str, Any]]:
    entries = []
    for line in path.read_text().splitlines():
        try:
            entries.append(json.loads(line))
        except json.JSONDecodeError:  # the last line of a killed run
            continue
    return entries


def plot_curves(curves: Curves, path: str | Path, *, title: str, iterations_per_epoch: int = 1) -> None:
    """Plot loss and learning rate, and the scores below.

    Args:
        curves: The scalars.
        path: Image file to write.
        title: Title of the figure.
        iterations_per_epoch: Turns iterations into epochs; without effect where the run is counted in iterations.
    """
    figure = Figure(figsize=(8, 7), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    figure.suptitle(title)
    by_epoch = curves.unit == "epoch"
    times = [entry["iter"] / (iterations_per_epoch if by_epoch else 1) for entry in curves.train]
    upper.plot(times, [entry["loss"] for entry in curves.train], color="tab:blue", linewidth=1)
    upper.set(ylabel="loss", yscale="log")
    rates = upper.twinx()
    rates.plot(times, [entry["lr"] for entry in curves.train], color="tab:orange", linewidth=1)
    rates.set_ylabel("learning rate", color="tab:orange")
    for name in _plotted(curves.val):
        points = [(entry["step"], entry[name]) for entry in curves.val if name in entry]
        lower.plot(*zip(*points, strict=True), marker=".", label=f"{name} ({points[-1][1]:.4g})")
    lower.set(xlabel="epoch" if by_epoch else "iteration", ylabel="score on val (last value in brackets)")
    lower.grid(alpha=0.3)
    if curves.val:
        lower.legend()
    with atomic_write(path) as partial:
        figure.savefig(partial, dpi=110)


def _plotted(val: list[dict[str, Any]]) -> list[str]:
    names = dict.fromkeys(name for entry in val for name in entry)
    tails = {name: name.rsplit("/", 1)[-1] for name in names}
    return [name for name, tail in tails.items() if tail in MAIN_SCORES or tail.startswith("PCKh@")]
