"""Tables of a paper as text: the cells that all forms share, Markdown, JSON and CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmpose_ext.atomic import atomic_write
from mmpose_ext.toolbox.catalogue.markdown import markdown_table
from mmpose_ext.toolbox.catalogue.metafile import NOT_MEASURED
from mmpose_ext.toolbox.catalogue.paper_tables import OTHERS, Paper, Table
from mmpose_ext.toolbox.reproduction.rows import Row

__all__ = ["COLUMNS", "HEADER", "cells", "markdown", "notes", "updated", "write_csv", "write_json", "write_markdown"]

Tables = Sequence[tuple[Paper, Table, Sequence[Row]]]

HEADER = (
    "config",
    "input",
    "params, paper",
    "params",
    "FLOPs, paper",
    "FLOPs",
    "MACs",
    "counts",
    "accuracy, paper",
    "accuracy, measured",
    "latency",
)
COLUMNS = (
    "paper",
    "table",
    "config",
    "input",
    "params_paper",
    "params",
    "flops_paper",
    "flops",
    "flops_rule",
    "macs",
    "counts",
    "metric",
    "accuracy_paper",
    "dataset_paper",
    "accuracy_measured",
    "dataset_measured",
    "latency_ms",
)
"""Columns of the CSV file; counts are whole numbers there, those of the paper as it prints them."""


def updated(row: Row, unique: Mapping[str, Row]) -> Row:
    """A row with what was counted and measured for its config.

    Args:
        row: A row, whose published figures may be those of another table.
        unique: Config -> its row after counting.
    """
    done = unique[row.config]
    return replace(row, counted=done.counted, shape=done.shape, results=done.results, latency=done.latency)


def cells(row: Row) -> list[str]:
    """A row as text, one cell for each name in :data:`HEADER`.

    Args:
        row: The row.
    """
    published = row.published
    paper = f"{row.metric} {published['Metrics'][row.metric]} ({published['Dataset']})" if row.in_paper else "-"
    return [
        row.alias,
        _size(row),
        published.get("Parameters", "-"),
        row.amount("parameters"),
        published.get("FLOPs", "-"),
        row.amount("flops"),
        row.amount("macs"),
        counts(row),
        paper,
        "; ".join(f"{name} {value:.1f} ({data})" for name, value, data in row.measured) or NOT_MEASURED,
        f"{row.latency['milliseconds']:.1f} ms" if row.latency else NOT_MEASURED,
    ]


def counts(row: Row) -> str:
    """What there is to say about the counts of a row.

    Args:
        row: The row.
    """
    if not row.as_recorded:
        return f"CHANGED, was {row.recorded.parameters} parameters, {row.recorded.flops} FLOPs"
    if row.as_published is not (row.differs is None):
        return "NOT AS PUBLISHED" if row.differs is None else "as published, but a reason is recorded"
    if row.differs is not None:
        return "differs, see below"
    return "as published" if {"Parameters", "FLOPs"} & row.published.keys() else "as recorded"


def _size(row: Row) -> str:
    return "x".join(map(str, row.shape)) if row.shape else "-"


def notes(table: Table, rows: Sequence[Row]) -> list[str]:
    """What has to be said below a table.

    Args:
        table: The table.
        rows: Its rows.
    """
    said = [table.note] if table.note else []
    if not rows:
        return ["Not here: no config of ours stands in this table.", *said]
    rules = sorted({row.rule for row in rows})
    said.append(f"FLOPs by the rule {', '.join(rules)}; MACs of one image. Input is height x width.")
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.differs:
            reasons.setdefault(row.differs, []).append(row.alias)
    said += [f"{', '.join(aliases)}: {reason}" for reason, aliases in reasons.items()]
    said += [_origin(row, result) for row in rows for result in row.results]
    latencies = [row.latency for row in rows if row.latency]
    if latencies:
        one = latencies[0]
        said.append(
            f"Latency: one image, {one['mode']}, {_several(one['threads'], 'thread')} of {one['hardware']}, "
            f"median of {_several(one['rounds'], 'round')} in turns."
        )
    return said


def _several(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _origin(row: Row, result: Mapping[str, Any]) -> str:
    """All scores of a result, and where they come from."""
    scores = ", ".join(f"{name} {value:g}" for name, value in result["Metrics"].items())
    checkpoint = f", checkpoint {result['Checkpoint'][:12]}" if "Checkpoint" in result else ""
    when = result.get("Date", "no date")
    return (
        f"{row.alias}: {scores} on {result['Dataset']}; {result['Hardware']}, {when}{checkpoint}, `{result['Command']}`"
    )


def markdown(tables: Tables) -> str:
    """All tables as Markdown.

    Args:
        tables: Each table with its paper and rows.
    """
    parts = []
    for paper, table, rows in tables:
        parts.append(f"## {heading(paper, table)}")
        if rows:
            parts.append(markdown_table(HEADER, [cells(row) for row in rows]))
        parts.append("\n".join(f"- {note}" for note in notes(table, rows)))
    return "\n\n".join(parts)


def heading(paper: Paper, table: Table) -> str:
    """E.g. "X-HRNet, Table 2: Comparison on COCO val2017".

    Args:
        paper: The paper.
        table: One of its tables.
    """
    number = "" if table.number == OTHERS else f", Table {table.number}"
    return f"{paper.name}{number}: {table.title}"


def write_markdown(path: Path, tables: Tables, *, command: str) -> None:
    """Write all tables as Markdown.

    Args:
        path: The file.
        tables: Each table with its paper and rows.
        command: What was run.
    """
    with atomic_write(path) as partial:
        partial.write_text(f"# The papers' tables\n\n`{command}`\n\n{markdown(tables)}\n")


def write_json(path: Path, tables: Tables, *, command: str) -> None:
    """Write everything that is known about each row; ``results`` is empty and ``latency`` null if not measured.

    Args:
        path: The file.
        tables: Each table with its paper and rows.
        command: What was run.
    """
    content = [
        {"paper": paper.key, "table": table.number, "title": table.title, "rows": [row.as_dict() for row in rows]}
        for paper, table, rows in tables
    ]
    with atomic_write(path) as partial:
        partial.write_text(json.dumps({"command": command, "tables": content}, indent=2, ensure_ascii=False) + "\n")


def write_csv(path: Path, tables: Tables) -> None:
    """Write one line for each row, with :data:`COLUMNS`.

    Args:
        path: The file.
        tables: Each table with its paper and rows.
    """
    with atomic_write(path) as partial, partial.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for paper, table, rows in tables:
            writer.writerows([paper.key, table.number, *_numbers(row)] for row in rows)


def _numbers(row: Row) -> list[Any]:
    count, published = row.counted or row.recorded, row.published
    paper = [published["Metrics"][row.metric], published["Dataset"]] if row.in_paper else ["", ""]
    _, value, data = row.measured[-1] if row.measured else ("", NOT_MEASURED, "")
    latency = row.latency["milliseconds"] if row.latency else NOT_MEASURED
    numbers = [published.get("Parameters", ""), count.parameters, published.get("FLOPs", ""), count.flops]
    return [
        row.alias,
        _size(row),
        *numbers,
        row.rule,
        count.macs,
        counts(row),
        row.metric,
        *paper,
        value,
        data,
        latency,
    ]
