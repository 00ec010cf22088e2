"""Tables of a paper as text: the cells that all forms share, Markdown, JSON and CSV.

A table has the paper's own rows and columns, each count beside ours and each metric beside what was measured.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmpose_ext.atomic import atomic_write
from mmpose_ext.toolbox.catalogue.markdown import markdown_table
from mmpose_ext.toolbox.catalogue.metafile import NOT_MEASURED, measured_on
from mmpose_ext.toolbox.catalogue.paper_tables import OTHERS, Paper, Table
from mmpose_ext.toolbox.reproduction.rows import Row

__all__ = [
    "CSV_COLUMNS",
    "Column",
    "columns_of",
    "markdown",
    "notes",
    "updated",
    "write_csv",
    "write_json",
    "write_markdown",
]

Tables = Sequence[tuple[Paper, Table, Sequence[Row]]]
NONE = "-"

CSV_COLUMNS = (
    "paper",
    "table",
    "network",
    "config",
    "input",
    "params_paper",
    "params",
    "flops_paper",
    "flops",
    "flops_rule",
    "macs",
    "counts",
    "fps_paper",
    "latency_ms",
    "dataset_paper",
    "dataset_measured",
)
"""First columns of the CSV file; behind them ``METRIC_paper`` and ``METRIC_measured`` for each metric of any table.
Counts are whole numbers there, those of the paper as it prints them."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: What it shows.
        text: Its cell for a row.
        key: The number that a cell is sorted by; None where that is the text.
        group: What stands above its name where a table can have two lines of names.
    """

    name: str
    text: Callable[[Row], str]
    key: Callable[[Row], float | None] = lambda row: None
    group: str = ""

    @property
    def title(self) -> str:
        """Group and name in one line."""
        return f"{self.group}, {self.name}" if self.group else self.name


def columns_of(table: Table, rows: Sequence[Row]) -> list[Column]:
    """The columns of a table: rows and counts, the paper's metrics, what was measured.

    A metric has a second column once it was measured for one of the rows.

    Args:
        table: The table.
        rows: Its rows.
    """
    found = [Column("network", lambda row: row.network)] if table.columns else []
    found += [
        Column("config", lambda row: row.alias or NONE),
        Column("input", _size, lambda row: row.shape[0] * row.shape[1] if row.shape else None),
        *_counted("Parameters", "params", "parameters"),
        *_counted("FLOPs", "FLOPs", "flops"),
        Column("MACs", lambda row: row.amount("macs"), lambda row: _count(row, "macs")),
        Column("counts", counts),
    ]
    if "FPS" in table.columns:
        found.append(Column("paper", lambda row: f"{row.published.get('FPS', NONE)}", _fps, "FPS"))
    metrics = table.metrics or list(dict.fromkeys(name for row in rows for name in row.published.get("Metrics", {})))
    measured = [name for name in metrics if any(row.scores(name) for row in rows)]
    for name in metrics:
        found += _metric(name, measured=name in measured)
    return [
        *found,
        Column("measured", lambda row: _elsewhere(row, measured) if row.config else NONE),
        Column("latency", _latency, lambda row: row.latency["milliseconds"] if row.latency else None),
    ]


def _counted(key: str, group: str, ours: str) -> list[Column]:
    """The paper's count and ours."""
    return [
        Column("paper", lambda row: row.published.get(key, NONE), lambda row: _number(row.published.get(key)), group),
        Column("here", lambda row: row.amount(ours), lambda row: _count(row, ours), group),
    ]


def _metric(name: str, *, measured: bool) -> list[Column]:
    """The paper's value of a metric, and what was measured."""

    def paper(row: Row) -> float | None:
        return row.published.get("Metrics", {}).get(name)

    def here(row: Row) -> str:
        said = "; ".join(f"{value:.{_digits(row)}f} ({data})" for value, data in row.scores(name))
        return said or (NOT_MEASURED if row.config else NONE)

    def text(row: Row) -> str:
        value = paper(row)
        return NONE if value is None else f"{value:.{_digits(row)}f}"

    found = [Column("paper", text, paper, name)]
    last = Column("here", here, lambda row: row.scores(name)[-1][0] if row.scores(name) else None, name)
    return [*found, last] if measured else found


def _digits(row: Row) -> int:
    """Behind the point; a paper prints all metrics of a row with as many."""
    return max([1, *(len(f"{value:g}".partition(".")[2]) for value in row.published.get("Metrics", {}).values())])


def _elsewhere(row: Row, shown: Sequence[str]) -> str:
    """Data sets of what was measured, with all metrics of those that have none in a column."""
    said = []
    for result in row.results:
        scores = ", ".join(f"{name} {value:.1f}" for name, value in result["Metrics"].items())
        alone = any(name in shown for name in result["Metrics"])
        said.append(measured_on(result) if alone else f"{scores} ({measured_on(result)})")
    return "; ".join(said) or NOT_MEASURED


def _latency(row: Row) -> str:
    if row.latency:
        return f"{row.latency['milliseconds']:.1f} ms"
    return NOT_MEASURED if row.config else NONE


def _count(row: Row, key: str) -> float | None:
    return None if row.counts is None else getattr(row.counts, key)


def _fps(row: Row) -> float | None:
    return row.published.get("FPS")


def _number(text: str | None) -> float | None:
    """The value of, say, "194.4M" or "0.54G"."""
    return float(text[:-1]) * {"M": 1e6, "G": 1e9}[text[-1]] if text else None


def updated(row: Row, unique: Mapping[str, Row]) -> Row:
    """A row with what was counted and measured for its config.

    Args:
        row: A row, whose published figures may be those of another table.
        unique: Config -> its row after counting.
    """
    if not row.config:
        return row
    done = unique[row.config]
    return replace(
        row, counted=done.counted, lacks=done.lacks, shape=done.shape, results=done.results, latency=done.latency
    )


def counts(row: Row) -> str:
    """What there is to say about the counts of a row.

    Args:
        row: The row.
    """
    if row.recorded is None:
        return NONE
    if row.lacks:
        return f"not counted, needs {row.lacks}"
    if not row.as_recorded:
        return f"CHANGED, was {row.recorded.parameters} parameters, {row.recorded.flops} FLOPs"
    if row.as_published is not (row.differs is None):
        return "NOT AS PUBLISHED" if row.differs is None else "as published, but a reason is recorded"
    if row.differs is not None:
        return "differs, see below"
    return "as published" if {"Parameters", "FLOPs"} & row.published.keys() else "as recorded"


def _size(row: Row) -> str:
    return "x".join(map(str, row.shape)) if row.shape else row.input or NONE


def notes(table: Table, rows: Sequence[Row]) -> list[str]:
    """What has to be said below a table.

    Args:
        table: The table.
        rows: Its rows.
    """
    said = [table.note] if table.note else []
    for why, networks in _grouped((row.why, row.network) for row in rows if row.why).items():
        said.append(f"No config of {', '.join(networks)}: {why}")
    rows = [row for row in rows if row.config]
    if not rows:
        return ["Not here: no config stands in this table.", *said]
    rules = sorted({row.rule for row in rows})
    said.append(f"FLOPs by the rule {', '.join(rules)}; MACs of one image. Input is height x width.")
    for reason, aliases in _grouped((row.differs, row.alias) for row in rows if row.differs).items():
        said.append(f"{', '.join(aliases)}: {reason}")
    said += [_origin(row, result) for row in rows for result in row.results]
    latencies = [row.latency for row in rows if row.latency]
    if latencies:
        one = latencies[0]
        said.append(
            f"Latency: one image, {one['mode']}, {_several(one['threads'], 'thread')} of {one['hardware']}, "
            f"median of {_several(one['rounds'], 'round')} in turns."
        )
    return said


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """First -> all seconds, each once."""
    found: dict[str, list[str]] = {}
    for first, second in pairs:
        found.setdefault(first, [])
        if second not in found[first]:
            found[first].append(second)
    return found


def _several(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _origin(row: Row, result: Mapping[str, Any]) -> str:
    """All scores of a result, and where they come from."""
    scores = ", ".join(f"{name} {value:g}" for name, value in result["Metrics"].items())
    checkpoint = f", checkpoint {result['Checkpoint'][:12]}" if "Checkpoint" in result else ""
    when = f"{result.get('Date', 'no date')}{checkpoint}"
    return f"{row.alias}: {scores} on {measured_on(result)}; {result['Hardware']}, {when}, `{result['Command']}`"


def markdown(tables: Tables) -> str:
    """All tables as Markdown.

    Args:
        tables: Each table with its paper and rows.
    """
    parts = []
    for paper, table, rows in tables:
        parts.append(f"## {heading(paper, table)}")
        if rows:
            columns = columns_of(table, rows)
            lines = [[column.text(row) for column in columns] for row in rows]
            parts.append(markdown_table([column.title for column in columns], lines))
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
    """Write one line for each row, with :data:`CSV_COLUMNS` and two columns for each metric.

    Args:
        path: The file.
        tables: Each table with its paper and rows.
    """
    every = [scores for _, _, rows in tables for row in rows for scores in row.every_scores]
    metrics = list(dict.fromkeys(name for scores in every for name in scores))
    with atomic_write(path) as partial, partial.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*CSV_COLUMNS, *(f"{name}_{kind}" for name in metrics for kind in ("paper", "measured"))])
        for paper, table, rows in tables:
            writer.writerows([paper.key, table.number, *_numbers(row, metrics)] for row in rows)


def _numbers(row: Row, metrics: Sequence[str]) -> list[Any]:
    counted, published = row.counts, row.published
    ours = [None] * 3 if counted is None else [counted.parameters, counted.flops, counted.macs]
    missing = NOT_MEASURED if row.config else None
    printed = published.get("Metrics", {})
    values = []
    for name in metrics:
        found = row.scores(name)
        values += [printed.get(name), found[-1][0] if found else missing if name in printed else None]
    return [
        row.network or row.alias,
        row.alias,
        _size(row),
        published.get("Parameters"),
        ours[0],
        published.get("FLOPs"),
        ours[1],
        row.rule,
        ours[2],
        counts(row),
        published.get("FPS"),
        row.latency["milliseconds"] if row.latency else missing,
        published.get("Dataset") if row.in_paper else None,
        measured_on(row.results[-1]) if row.results else missing,
        *values,
    ]
