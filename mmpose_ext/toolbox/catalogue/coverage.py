"""How much of what the papers print is here: cells with a config, counted, measured, and why the others are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmpose_ext.toolbox.catalogue.markdown import markdown_table
from mmpose_ext.toolbox.catalogue.metafile import STOCK, aliases_of, measured_on
from mmpose_ext.toolbox.catalogue.paper_figures import figures_of
from mmpose_ext.toolbox.catalogue.paper_tables import OTHERS, Paper, Table
from mmpose_ext.toolbox.json_file import read_json

__all__ = ["TableCoverage", "coverage", "coverage_text", "kept_results", "table_coverage"]

Results = Sequence[Mapping[str, Any]]

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


def table_coverage(
    paper: Paper, table: Table, content: Mapping[str, Any], kept: Mapping[str, Results] | None = None
) -> TableCoverage:
    """Count the cells of one table.

    Args:
        paper: Its paper.
        table: The table.
        content: The metafile of the paper.
        kept: Base name of a config -> results beside those of the metafile.
    """
    kept = kept or {}
    printed = list(table.printed())
    here = [(row, column) for row, column in printed if row.config]
    results = {STOCK + name: list(found) for name, found in kept.items()}
    for model in content["Models"]:
        both = [*model.get("Results", []), *kept.get(model["Name"], [])]
        results |= dict.fromkeys([*aliases_of(model), model["Name"]], both)
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
        sum(_is_measured(column, table, results.get(row.config, [])) for row, column in here),
        missing,
    )


def _is_measured(column: str, table: Table, results: Results) -> bool:
    return any(column in one["Metrics"] and measured_on(one) == table.dataset for one in results)


def coverage(
    tables: Iterable[tuple[Paper, Table]],
    contents: Mapping[str, Mapping[str, Any]],
    kept: Mapping[str, Results] | None = None,
) -> list[TableCoverage]:
    """Count the cells of the papers' tables; the configs that stand in none are left out.

    Args:
        tables: Each table with its paper.
        contents: Name of a paper's folder -> its metafile.
        kept: What :func:`kept_results` returned.
    """
    return [table_coverage(paper, one, contents[paper.key], kept) for paper, one in tables if one.number != OTHERS]


def kept_results(out: Path) -> dict[str, Results]:
    """Base name of a config -> results that ``mmpose-ext reproduce --data`` keeps.

    Args:
        out: The folder of its report.

    Raises:
        ValueError: If a file is damaged.
    """
    found: dict[str, list[Mapping[str, Any]]] = {}
    for path in sorted(out.glob("results/*/*.json")):
        if ".scores" not in path.suffixes:
            content = read_json(path, expected="a result of mmpose-ext reproduce")
            if not isinstance(content, dict) or {"Dataset", "Metrics"} - content.keys():
                raise ValueError(f"expected a result of mmpose-ext reproduce, got {path}")
            found.setdefault(path.parent.name, []).append(content)
    return dict(found)


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
    figures = [figure for key in papers for figure in figures_of(key, contents[key])]
    if figures:
        lines = [[one.key, one.shows, f"`{one.command}`" if one.command else one.why] for one in figures]
        parts.append(markdown_table(["figure", "shows", "command, or why there is none"], lines))
    return "\n\n".join(parts)


def _name(one: TableCoverage) -> str:
    return f"{one.paper.key}:{one.table.number}"
