"""Markdown tables, aligned in the source too."""

from __future__ import annotations

from collections.abc import Sequence

from mmpose_ext.toolbox.catalogue.metafile import NOT_MEASURED, Entry, first_metric, measured_on

__all__ = ["listing", "markdown_table"]


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table whose columns are aligned in the source as well.

    Args:
        header: Names of the columns; the first is left-aligned, the others are right-aligned.
        rows: Cells.
    """
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return "| " + " | ".join([first[0].ljust(first[1]), *(c.rjust(w) for c, w in others)]) + " |"

    rule = "|" + "|".join([":" + "-" * (widths[0] + 1), *("-" * (w + 1) + ":" for w in widths[1:])]) + "|"
    return "\n".join([line(header), rule, *map(line, rows)])


def listing(entries: Sequence[Entry]) -> str:
    """One row for each config: aliases, input, size, and what was measured.

    Args:
        entries: Configs.
    """
    header = ["alias", "paper", "trained on", "input", "params", "MACs", "measured"]
    rows = []
    for entry in entries:
        metadata, results = entry.model["Metadata"], entry.model.get("Results", [])
        measured = "; ".join(f"{first_metric(result)} on {measured_on(result)}" for result in results) or NOT_MEASURED
        counts = [f"{metadata['Parameters'] / 1e6:.2f}M", f"{metadata['MACs'] / 1e6:.1f}M"]
        names = ", ".join(entry.aliases) or entry.name
        rows.append([names, entry.paper, entry.training_data, entry.input, *counts, measured])
    return markdown_table(header, rows)
