"""Which tables the papers have, and which of our configs stand in them.

The figures themselves stand in the papers' ``metafile.yml`` and nowhere else. A row belongs to the table that the
metafile names as its ``Source``; here are the titles, the rows that a paper prints a second time, and the reason where
a table has none of ours. A paper that is not listed here has the tables that its metafile names. What stands in no
table of a paper, as its short runs on other data, is in the table ``others``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmpose_ext.toolbox.catalogue.metafile import alias_of, aliases_of, paper_name

__all__ = ["OTHERS", "PAPERS", "Paper", "Table", "find_tables", "rows_of", "sources"]

OTHERS = "others"
"""Number of the table of all configs that stand in none of the paper's."""

SERVER = "The accuracy there comes from COCO's evaluation server, which no command can ask."


@dataclass(frozen=True)
class Table:
    """A table of a paper.

    Attributes:
        number: As the paper writes it.
        title: What it compares.
        repeats: Aliases of configs whose row the paper prints here too, beside the table that their metafile names.
        dataset: Where its accuracy was measured, if not where the metafile says; it is not shown then.
        note: What there is to know, above all why a table has no row of ours.
    """

    number: str
    title: str
    repeats: Sequence[str] = ()
    dataset: str | None = None
    note: str = ""


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


PAPERS = {
    paper.key: paper
    for paper in (
        Paper(
            "sfm",
            "SFM",
            (
                Table("I", "Comparison on MPII val"),
                Table("II", "Ablation: bridges and HSA, MPII val"),
                Table("III", "Comparison on COCO val"),
            ),
        ),
        Paper(
            "ssn",
            "SSN",
            (
                Table("1", "Ablation on COCO val2017"),
                Table("2", "Predictors of each stage on COCO val2017", note="Accuracy only, no counts."),
                Table("3", "Comparison on COCO test-dev", dataset="COCO test-dev", note=SERVER),
            ),
        ),
        Paper(
            "scanet",
            "BDMP-SCANet",
            (
                Table("1", "Comparison on MPII test", note="MPII's test annotations are not public. No counts."),
                Table("2", "Ablation on MPII val", note="Accuracy only, no counts."),
            ),
        ),
        Paper(
            "xhrnet",
            "X-HRNet",
            (
                Table("1", "Architectures", repeats=("xhrnet-18", "xhrnet-30")),
                Table("2", "Comparison on COCO val2017"),
                Table(
                    "3",
                    "Comparison on COCO test-dev2017",
                    repeats=("xhrnet-18-384x288", "xhrnet-30-384x288"),
                    dataset="COCO test-dev2017",
                    note=SERVER,
                ),
                Table("4", "Ablation: SUSA", repeats=("xhrnet-18",)),
                Table("5", "Ablation: how the attention is fused", repeats=("xhrnet-18",)),
                Table("6", "Ablation: order of the two axes", repeats=("xhrnet-18",)),
            ),
        ),
        Paper(
            "sharpose",
            "SHaRPose",
            (
                Table("2", "Configurations"),
                Table("3", "Comparison on COCO val"),
                Table(
                    "4",
                    "Comparison on COCO test-dev",
                    repeats=("sharpose-base-384x288",),
                    dataset="COCO test-dev",
                    note=SERVER,
                ),
                Table("5", "Comparison on MPII val"),
                Table(
                    "6",
                    "Ablation: alpha",
                    repeats=(
                        "sharpose-base",
                        "sharpose-base-384x288",
                        "sharpose-base-alpha00",
                        "sharpose-base-alpha30",
                        "sharpose-base-alpha50",
                        "sharpose-base-alpha50-384x288",
                    ),
                    note="Alpha is 0.4 in the first row and 0.3 in the second; 1 is the row nosel of Table 8.",
                ),
                Table("7", "Comparison with pruned transformers", repeats=("sharpose-small", "sharpose-base")),
                Table("8", "Ablation: the two stages", repeats=("sharpose-base",)),
            ),
        ),
    )
}
"""Name on the command line -> paper."""


def sources(model: Mapping[str, Any]) -> list[str]:
    """Numbers of the tables that a metafile names for a config, e.g. ["2", "3"] for "Tables 2 and 3".

    Args:
        model: An entry of a metafile.
    """
    text = model.get("Published", {}).get("Source", "")
    return re.findall(r"\b(?:\d+|[IVX]+)\b", text) if text.startswith("Table") else []


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
    papers = {key: _completed(key, contents.get(key, {"Models": []})) for key in dict.fromkeys([*PAPERS, *contents])}
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


def _completed(key: str, content: Mapping[str, Any]) -> Paper:
    """A paper with the tables that only its metafile names."""
    paper = PAPERS.get(key)
    if paper is None:
        paper = Paper(key, next(map(paper_name, content.get("Collections", [])), key))
    known = {table.number for table in paper.tables}
    named = dict.fromkeys(number for model in content["Models"] for number in sources(model))
    tables = [*paper.tables, *(Table(number, f"Table {number}") for number in named if number not in known)]
    elsewhere = {alias for table in tables for alias in table.repeats}
    rest = [alias_of(model) for model in content["Models"] if not sources(model)]
    rest = [alias for alias in rest if alias not in elsewhere]
    tables += [Table(OTHERS, "Configs that stand in none of its tables", repeats=rest)] if rest else []
    return Paper(paper.key, paper.name, tuple(tables))


def rows_of(table: Table, content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Entries of a metafile that stand in a table, in the order of the metafile.

    Args:
        table: The table.
        content: The metafile of its paper.

    Raises:
        ValueError: If a repeated row names an alias that does not exist.
    """
    aliases = {alias: model for model in content["Models"] for alias in aliases_of(model)}
    missing = [alias for alias in table.repeats if alias not in aliases]
    if missing and content["Models"]:
        raise ValueError(f"table {table.number} repeats {missing}, which no metafile has; it has {sorted(aliases)}")
    repeated = [aliases[alias]["Name"] for alias in table.repeats if alias in aliases]
    return [model for model in content["Models"] if table.number in sources(model) or model["Name"] in repeated]
