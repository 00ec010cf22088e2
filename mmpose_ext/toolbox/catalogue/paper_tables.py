"""The papers' tables as they print them, and what of it is here; all of it stands in their ``metafile.yml``.

``Tables`` of a metafile lists each printed row with all its cells, whether or not the network is here, so that what is
missing can be counted. A row names a config of ours by its alias or one of MMPose's as ``mmpose::NAME``, or says why it
has none. What stands in no table of a paper, as its short runs on other data, is in the table ``others``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmpose_ext.toolbox.catalogue.metafile import NOT_METRICS, alias_of, aliases_of, main_metric, paper_name

__all__ = ["OTHERS", "Paper", "PrintedRow", "Table", "find_tables", "models_of"]

OTHERS = "others"
"""Number of the table of all configs that stand in none of the paper's."""


@dataclass(frozen=True)
class PrintedRow:
    """A row of a table.

    Attributes:
        network: As the paper calls it.
        config: Alias of a config of ours, ``mmpose::NAME`` for one of MMPose's, or "" for none.
        cells: Column -> what is printed: counts as text with their unit, other numbers as such. What is printed but not
            legible to us is ``"?"``, what the paper leaves empty is absent.
        why: Why there is no config; "" where there is one.
        differs: Why the counts of this row are not ours, where the reason is not that of the config.
        input: Input size where no config tells it.
    """

    network: str
    config: str = ""
    cells: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""
    differs: str = ""
    input: str = ""


@dataclass(frozen=True)
class Table:
    """A table of a paper.

    Attributes:
        number: As the paper writes it.
        title: What it compares.
        columns: What it prints of each network: ``Parameters``, ``FLOPs``, ``FPS``, all others are metrics.
        rows: Its rows, in its order.
        dataset: What its metrics are measured on; "" if it has none.
        main: The metric that is drawn; "" if it has none.
        note: What there is to know.
    """

    number: str
    title: str
    columns: Sequence[str] = ()
    rows: Sequence[PrintedRow] = ()
    dataset: str = ""
    main: str = ""
    note: str = ""

    @property
    def metrics(self) -> list[str]:
        """The columns that are measured on the data set."""
        return [name for name in self.columns if name not in NOT_METRICS]

    def printed(self) -> Iterator[tuple[PrintedRow, str]]:
        """Row and column of each printed cell."""
        return ((row, column) for row in self.rows for column in row.cells)


@dataclass(frozen=True)
class Paper:
    """A paper.

    Attributes:
        key: Name on the command line, and of the folder of its configs.
        name: What the paper calls its network.
        tables: Its tables.
    """

    key: str
    name: str
    tables: Sequence[Table] = field(default_factory=tuple)


def find_tables(wanted: Sequence[str], contents: Mapping[str, Mapping[str, Any]]) -> list[tuple[Paper, Table]]:
    """Resolve what a user asks for.

    Args:
        wanted: ``paper:number`` or ``paper``; empty for all tables of all papers.
        contents: Name of a paper's folder -> its metafile.

    Returns:
        Each table once, with its paper.

    Raises:
        ValueError: If there is no such paper or table.
    """
    papers = {key: _paper(key, content) for key, content in contents.items()}
    found: dict[tuple[str, str], tuple[Paper, Table]] = {}
    for word in wanted or list(papers):
        key, _, number = word.lower().partition(":")
        if key not in papers:
            raise ValueError(f"expected a paper among {', '.join(papers)}, got {key!r}")
        tables = [table for table in papers[key].tables if number in ("", table.number.lower())]
        if not tables:
            known = ", ".join(f"{key}:{table.number}" for table in papers[key].tables) or "none"
            raise ValueError(f"expected a table among {known}, got {word!r}")
        found.update({(key, table.number): (papers[key], table) for table in tables})
    return list(found.values())


def _paper(key: str, content: Mapping[str, Any]) -> Paper:
    tables = [_table(one) for one in content.get("Tables", [])]
    named = {row.config for table in tables for row in table.rows}
    rest = [alias_of(model) for model in content["Models"] if named.isdisjoint(_names(model))]
    if rest:
        rows = [PrintedRow(alias, alias) for alias in rest]
        tables.append(Table(OTHERS, "Configs that stand in none of its tables", rows=rows))
    return Paper(key, next(map(paper_name, content.get("Collections", [])), key), tuple(tables))


def _table(entry: Mapping[str, Any]) -> Table:
    columns = [str(name) for name in entry["Columns"]]
    rows = [
        PrintedRow(
            str(row["Network"]),
            row.get("Config", ""),
            {name: cell for name, cell in zip(columns, row["Cells"], strict=True) if cell is not None},
            row.get("Why", ""),
            row.get("Counts Differ", ""),
            row.get("Input", ""),
        )
        for row in entry["Rows"]
    ]
    return Table(
        str(entry["Number"]),
        entry["Title"],
        columns,
        rows,
        entry.get("Dataset", ""),
        main_metric(entry),
        entry.get("Note", "").strip(),
    )


def _names(model: Mapping[str, Any]) -> list[str]:
    return [*aliases_of(model), str(model["Name"])]


def models_of(table: Table, content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Entries of a metafile that stand in a table, each once, in the order of the table.

    Args:
        table: The table.
        content: The metafile of its paper.
    """
    known = {name: model for model in content["Models"] for name in _names(model)}
    return list({name: known[name] for name in (row.config for row in table.rows) if name in known}.values())
