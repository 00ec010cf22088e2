"""Scores over the training, from the logs that MMEngine writes (Fig. 4 of SCANet's paper).

MMEngine writes ``<work dir>/<time>/vis_data/<time>.json``: one JSON object on each line, that of a validation with its
scores and the ``step`` before it, an epoch or an iteration. A training that was resumed has a log for each start.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmpose_ext.atomic import atomic_write
from mmpose_ext.log_file import read_log
from mmpose_ext.toolbox.studies.ssn_plots import save

__all__ = ["Curves", "plot_curves", "read_scores"]

_COLORS = ("#1f6feb", "#c0392b", "#3d7a4a", "#9a6700", "#7a3d8c", "#444444")


class Curves(NamedTuple):
    """Scores over the steps of several trainings."""

    metric: str
    points: dict[str, list[tuple[int, float]]]
    """Label of a training -> step and score of each validation."""
    files: list[Path]
    """A plot and the numbers."""


def plot_curves(logs: Mapping[str, Path], *, metric: str | None = None, name: str, out: str | Path) -> Curves:
    """Draw one metric of several trainings over their epochs.

    Args:
        logs: Label -> a log, or the folder that holds it, such as ``work_dir`` of a training.
        metric: As it is logged, or its end, e.g. ``PCKh@0.5``; None for the first one that all logs have.
        name: Base name of the files.
        out: Their folder.

    Raises:
        ValueError: If a log can't be read, has no scores, or not those of the metric.
    """
    scores = {label: read_scores(path) for label, path in logs.items()}
    chosen = {label: _choose(metric, found, logs[label], scores) for label, found in scores.items()}
    points = {label: sorted(found[chosen[label]].items()) for label, found in scores.items()}
    title = metric or next(iter(chosen.values()))
    plot, numbers = Path(out, f"{name}.png"), Path(out, f"{name}.json")
    _plot(plot, points, title)
    with atomic_write(numbers) as file:
        file.write_text(json.dumps({"metric": title, "curves": points}))
    return Curves(title, points, [plot, numbers])


def read_scores(path: Path) -> dict[str, dict[int, float]]:
    """Metric -> step -> score, from one log or all logs below a folder, the later ones over the earlier.

    Args:
        path: A log or a folder.

    Raises:
        ValueError: If there is no log, it can't be read, or it has no scores.
    """
    files = [path] if path.is_file() else sorted(_logs_below(path))
    if not files:
        raise ValueError(f"expected a log, or a folder with */vis_data/*.json, got {path}")
    scores: dict[str, dict[int, float]] = {}
    for file in files:
        for entry in read_log(file):
            if "lr" in entry or "loss" in entry or "step" not in entry:
                continue  # of a training step
            for key, value in entry.items():
                if key not in ("step", "time", "data_time") and isinstance(value, int | float):
                    scores.setdefault(key, {})[int(entry["step"])] = float(value)
    if not scores:
        raise ValueError(f"expected a log with scores of a validation, got {path} without one")
    return scores


def _logs_below(folder: Path) -> list[Path]:
    """Logs by the time of their start; ``scalars.json`` has the same lines again."""
    return [file for file in folder.rglob("vis_data/*.json") if file.stem == file.parent.parent.name]


def _choose(
    metric: str | None,
    found: Mapping[str, Mapping[int, float]],
    path: Path,
    everything: Mapping[str, Mapping[str, Any]],
) -> str:
    """Name of the metric in a log."""
    if metric is None:
        common = [name for name in found if all(name in other for other in everything.values())]
        if not common:
            raise ValueError(f"expected logs with a score in common, got none that {path} shares with all others")
        return common[0]
    chosen = [name for name in found if name == metric or name.endswith(f"/{metric}")]
    if not chosen:
        raise ValueError(f"expected the score {metric} in {path}, got {', '.join(found)}")
    return chosen[0]


def _plot(path: Path, points: Mapping[str, Sequence[tuple[int, float]]], metric: str) -> None:
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
    for i, (label, values) in enumerate(points.items()):
        steps, scores = zip(*values, strict=True)
        marker = "o" if len(values) < 40 else None
        axis.plot(steps, scores, color=_COLORS[i % len(_COLORS)], marker=marker, markersize=4, label=label)
    axis.set(xlabel="epoch, or iteration where validations are counted so", ylabel=metric)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    save(figure, path)
