"""What a benchmark leaves behind: a Markdown table, a JSON file with every sample, and a plot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmpose_ext.atomic import atomic_write
from mmpose_ext.toolbox.benchmark.timing import Entry, Settings, quartiles, ratio
from mmpose_ext.toolbox.catalogue.markdown import markdown_table
from mmpose_ext.toolbox.counting.rules import RULES

__all__ = ["references", "table", "write_json", "write_plot"]


def references(entries: Sequence[Entry], labels: Sequence[str]) -> list[Entry]:
    """The entries that the others are compared with: the first form measured of each candidate named.

    Args:
        entries: All entries.
        labels: Candidates to compare with; the first of all entries where there is none.
    """
    return [next(entry for entry in entries if entry.label == label) for label in labels or [entries[0].label]]


def table(entries: Sequence[Entry], settings: Settings, against: Sequence[Entry]) -> str:
    """One Markdown table for each batch size.

    Args:
        entries: Measured entries.
        settings: How they were measured.
        against: Entries to compare with.
    """
    letters = [chr(ord("A") + i) for i in range(len(against))]
    same_mode = len(settings.modes) > 1
    parts = []
    for batch in settings.batches:
        header = ["network", "mode", "input", "params", "MACs", "ms", "quartiles", "images/s"]
        header += [f"x {letter}" for letter in letters]
        if same_mode:
            header += [f"x {letter}, same mode" for letter in letters]
        rows = []
        for entry in entries:
            low, middle, high = (1e3 * x for x in quartiles(entry.seconds[batch]))
            macs = entry.operations["macs"] / RULES["macs"].unit
            row = [entry.label, entry.mode, "x".join(map(str, entry.shape)), f"{entry.parameters / 1e6:.2f}M"]
            row += [f"{macs:.1f}M", f"{middle:.2f}", f"{low:.2f} - {high:.2f}", f"{1e3 * batch / middle:.1f}"]
            row += [f"{ratio(entry, reference, batch):.2f}" for reference in against]
            if same_mode:
                twins = [_twin(entries, reference, entry.mode) for reference in against]
                row += [f"{ratio(entry, twin, batch):.2f}" for twin in twins]
            rows.append(row)
        parts.append(f"Batch size {batch}\n\n{markdown_table(header, rows)}")
    legend = [f"x {letter}: times as fast as {r.label}, {r.mode}" for letter, r in zip(letters, against, strict=True)]
    return "\n\n".join([*parts, "\n".join(legend)])


def _twin(entries: Sequence[Entry], reference: Entry, mode: str) -> Entry:
    """The same candidate in another form; every candidate is measured in all forms."""
    return next(entry for entry in entries if (entry.label, entry.mode) == (reference.label, mode))


def write_json(path: Path, entries: Sequence[Entry], about: dict[str, Any], against: Sequence[Entry]) -> None:
    """Write every sample, medians and ratios, and what the numbers were measured on.

    Args:
        path: The file.
        entries: Measured entries.
        about: What :func:`.benchmark.environment` returned.
        against: Entries to compare with.
    """
    results = []
    for entry in entries:
        batches = {
            batch: {
                "quartiles": quartiles(samples),
                "times_as_fast": {f"{r.label} ({r.mode})": ratio(entry, r, batch) for r in against},
            }
            for batch, samples in entry.seconds.items()
        }
        results.append({**entry.as_dict(), "summary": batches})
    with atomic_write(path) as file:
        file.write_text(json.dumps({**about, "results": results}, indent=1) + "\n")


def write_plot(path: Path, entries: Sequence[Entry], settings: Settings) -> None:
    """Draw the time per image, with quartiles, one panel for each batch size.

    Args:
        path: The PNG file.
        entries: Measured entries.
        settings: How they were measured.
    """
    from matplotlib.figure import Figure

    names = [f"{entry.label}\n{entry.mode}" for entry in entries]
    figure = Figure(figsize=(5 + 4 * len(settings.batches), 1.2 + 0.5 * len(entries)), layout="constrained")
    panels = figure.subplots(1, len(settings.batches), sharey=True, squeeze=False)[0]
    colors = {label: f"C{i % 10}" for i, label in enumerate(dict.fromkeys(entry.label for entry in entries))}
    for panel, batch in zip(panels, settings.batches, strict=True):
        triples = [[1e3 * x / batch for x in quartiles(entry.seconds[batch])] for entry in entries]
        middles = [middle for _, middle, _ in triples]
        whiskers = [[m - low for low, m, _ in triples], [high - m for _, m, high in triples]]
        bars = panel.barh(names, middles, xerr=whiskers, color=[colors[entry.label] for entry in entries])
        panel.bar_label(bars, [f"{m:.1f}" for m in middles], padding=6, fontsize=8)
        panel.margins(x=0.15)
        panel.set(xlabel="ms per image, median and quartiles", title=f"batch size {batch}")
    panels[0].invert_yaxis()
    with atomic_write(path) as file:
        figure.savefig(file, dpi=120)
