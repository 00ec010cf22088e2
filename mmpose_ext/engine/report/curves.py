"""Loss, learning rate and scores over the epochs, from the scalars that `LocalVisBackend` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

MAIN_SCORES = ("AP", "AP .5", "PCK", "AUC")
"""Scores that are plotted, besides everything that starts with `PCKh@`."""


class Curves(NamedTuple):
    """Scalars of a run, across its restarts.

    Attributes:
        train: Entries with `epoch`, `iter`, `loss`, `lr`, in order.
        val: Entries with `step` (the epoch) and the scores, in order.
    """

    train: list[dict[str, Any]]
    val: list[dict[str, Any]]


def read_scalars(work_dir: str | Path) -> Curves:
    """Join the scalars of all starts of a run.

    Each start writes into a folder of its own, named by its time. What an earlier start logged from the first epoch
    of a later one onwards was done again (a resumed run) or belongs to another run, and is dropped.

    Args:
        work_dir: The run's working directory.

    Returns:
        The joined scalars.
    """
    joined = Curves([], [])
    for path in sorted(Path(work_dir).glob("*/vis_data/scalars.json")):
        entries = _entries(path)
        train = [entry for entry in entries if "loss" in entry and "epoch" in entry]
        if not train:
            continue
        val = [entry for entry in entries if "loss" not in entry and "step" in entry]
        first = train[0]["epoch"]
        joined = Curves(
            [entry for entry in joined.train if entry["epoch"] < first] + train,
            [entry for entry in joined.val if entry["step"] < first] + val,
        )
    return joined


def _entries(path: Path) -> list[dict[str, Any]]:
    entries = []
    for line in path.read_text().splitlines():
        try:
            entries.append(json.loads(line))
        except json.JSONDecodeError:  # the last line of a killed run
            continue
    return entries


def plot_curves(curves: Curves, path: str | Path, *, title: str, iterations_per_epoch: int) -> None:
    """Plot loss and learning rate, and the scores below.

    Args:
        curves: The scalars.
        path: Image file to write.
        title: Title of the figure.
        iterations_per_epoch: Turns iterations into epochs.
    """
    figure = Figure(figsize=(8, 7), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    figure.suptitle(title)
    epochs = [entry["iter"] / iterations_per_epoch for entry in curves.train]
    upper.plot(epochs, [entry["loss"] for entry in curves.train], color="tab:blue", linewidth=1)
    upper.set(ylabel="loss", yscale="log")
    rates = upper.twinx()
    rates.plot(epochs, [entry["lr"] for entry in curves.train], color="tab:orange", linewidth=1)
    rates.set_ylabel("learning rate", color="tab:orange")
    for name in _plotted(curves.val):
        points = [(entry["step"], entry[name]) for entry in curves.val if name in entry]
        lower.plot(*zip(*points, strict=True), marker=".", label=f"{name} ({points[-1][1]:.4g})")
    lower.set(xlabel="epoch", ylabel="score on val (last value in brackets)")
    lower.grid(alpha=0.3)
    if curves.val:
        lower.legend()
    figure.savefig(path, dpi=110)


def _plotted(val: list[dict[str, Any]]) -> list[str]:
    names = dict.fromkeys(name for entry in val for name in entry)
    tails = {name: name.rsplit("/", 1)[-1] for name in names}
    return [name for name, tail in tails.items() if tail in MAIN_SCORES or tail.startswith("PCKh@")]
