"""How much of what the papers print is here: cells with a config, counted, measured, and why the others are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mmpose_ext.toolbox.catalogue.markdown import markdown_table
from mmpose_ext.toolbox.catalogue.metafile import aliases_of
from mmpose_ext.toolbox.catalogue.paper_tables import OTHERS, Paper, PrintedRow, Table

__all__ = ["TableCoverage", "coverage", "coverage_text", "table_coverage"]

_COUNTS = ("Parameters", "FLOPs")


class TableCoverage(NamedTuple):
    """What there is of one table."""

    paper: Paper
    table: Table
    cells: int
    """Printed numbers."""
    with_config: int
    """Of networks that have a config of ours or of MMPose."""
    counted: int
    """Parameters and FLOPs among them, which the metafile has too."""
    measured: int
    """Metrics among them that were measured on the data set of the table."""
    missing: dict[str, list[str]]
    """Reason -> networks without a config, each with its number of cells."""


def table_coverage(paper: Paper, table: Table, content: Mapping[str, Any]) -> TableCoverage:
    """Count the cells of one table.

    Args:
        paper: Its paper.
        table: The table.
        content: The metafile of the paper.
    """
    printed = list(table.printed())
    here = [(row, column) for row, column in printed if row.config]
    results = {
        name: model.get("Results", []) for model in content["Models"] for name in [*aliases_of(model), model["Name"]]
    }
    missing: dict[str, list[str]] = {}
    for row in table.rows:
        if row.why:
            missing.setdefault(row.why, []).append(f"{row.network} ({len(row.cells)})")
    return TableCoverage(
        paper,
        table,
        len(printed),
        len(here),
        sum(column in _COUNTS for _, column in here),
        sum(_is_measured(row, column, table, results.get(row.config, [])) for row, column in here),
        missing,
    )


def _is_measured(row: PrintedRow, column: str, table: Table, results: Sequence[Mapping[str, Any]]) -> bool:
    return any(column in one["Metrics"] and one["Dataset"] == table.dataset for one in results)


def coverage(tables: Iterable[tuple[Paper, Table]], contents: Mapping[str, Mapping[str, Any]]) -> list[TableCoverage]:
    """Count the cells of the papers' tables; the configs that stand in none are left out.

    Args:
        tables: Each table with its paper.
        contents: Name of a paper's folder -> its metafile.
    """
    return [table_coverage(paper, one, contents[paper.key]) for paper, one in tables if one.number != OTHERS]


def coverage_text(found: Sequence[TableCoverage], contents: Mapping[str, Mapping[str, Any]]) -> str:
    """The counts as Markdown: tables with a sum, what has no config and why, and the papers' figures.

    Args:
        found: What :func:`coverage` returned.
        contents: Name of a paper's folder -> its metafile.
    """
    numbers = [(one.cells, one.with_config, one.counted, one.measured) for one in found]
    rows = [[_name(one), *map(str, row), one.table.title] for one, row in zip(found, numbers, strict=True)]
    total = ["all", *map(str, map(sum, zip(*numbers, strict=True))), ""]
    header = ["table", "cells", "with a config", "counted", "measured", "title"]
    parts = [markdown_table(header, [*rows, total])]
    reasons = [
        f"- {_name(one)}: {', '.join(networks)}: {why}" for one in found for why, networks in one.missing.items()
    ]
    parts += ["Networks without a config, with their numbers of cells:\n\n" + "\n".join(reasons)] if reasons else []
    papers = dict.fromkeys(one.paper.key for one in found)
    figures = [(key, figure) for key in papers for figure in contents[key].get("Figures", [])]
    if figures:
        lines = [
            [f"{key}:fig{one['Number']}", one["Shows"], f"`{one['Command']}`" if "Command" in one else one["Why"]]
            for key, one in figures
        ]
        parts.append(markdown_table(["figure", "shows", "command, or why there is none"], lines))
    return "\n\n".join(parts)


def _name(one: TableCoverage) -> str:
    return f"{one.paper.key}:{one.table.number}"
