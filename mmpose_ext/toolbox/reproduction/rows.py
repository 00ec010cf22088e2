"""One row of a paper's table: counted again, compared with what is printed, with what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mmpose_ext.toolbox.catalogue.metafile import alias_of, load_metafile, metafiles
from mmpose_ext.toolbox.catalogue.paper_tables import Paper, Table, find_tables, rows_of
from mmpose_ext.toolbox.catalogue.tables import counts_agree
from mmpose_ext.toolbox.counting.rules import RULES, count
from mmpose_ext.toolbox.networks import load_candidate

__all__ = ["Counts", "Row", "load_rows", "load_tables", "recount"]


@dataclass(frozen=True)
class Counts:
    """What a network costs.

    Attributes:
        parameters: Number of parameters.
        flops: Operations by the rule of the paper.
        macs: Operations by the rule ``macs``.
    """

    parameters: int
    flops: int
    macs: int


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        alias: Short name of the config.
        config: Path of the config in the repository.
        shape: Input height and width; None before counting.
        rule: The paper's rule of counting.
        published: The paper's figures as it prints them: Parameters, FLOPs, Dataset, Metrics.
        recorded: Our counts as the metafile has them.
        counted: Our counts as they are now; None before counting.
        differs: Why a count is not the paper's; None where it is.
        results: What was measured: Dataset, Metrics, Hardware, Command and, as far as known, Date and Checkpoint.
        latency: Milliseconds for one image, with the conditions; None if not measured.
    """

    alias: str
    config: str
    rule: str
    published: Mapping[str, Any]
    recorded: Counts
    shape: tuple[int, int] | None = None
    counted: Counts | None = None
    differs: str | None = None
    results: list[Mapping[str, Any]] = field(default_factory=list)
    latency: Mapping[str, Any] | None = None

    @property
    def as_recorded(self) -> bool:
        """Whether the counts are still those of the metafile."""
        return self.counted in (None, self.recorded)

    @property
    def as_published(self) -> bool:
        """Whether parameters and FLOPs come out as the paper prints them; true where it prints none."""
        counts = self.counted or self.recorded
        metadata = {"Parameters": counts.parameters, "FLOPs": counts.flops, "FLOPs Rule": self.rule}
        return counts_agree({"Metadata": metadata, "Published": self.published})

    @property
    def agrees(self) -> bool:
        """Whether all is as expected: the counts of the metafile, and the paper's, or a known reason why not."""
        return self.as_recorded and self.as_published is (self.differs is None)

    @property
    def in_paper(self) -> bool:
        """Whether the paper has an accuracy for this row, in this table."""
        return bool(self.published.get("Metrics"))

    @property
    def metric(self) -> str:
        """The score that stands in the tables: the paper's first, or the first that was measured; "" if none."""
        every = [self.published.get("Metrics", {}), *(result["Metrics"] for result in self.results)]
        return next((name for scores in every for name in scores), "")

    @property
    def measured(self) -> list[tuple[str, float, str]]:
        """Name, value and data set of what was measured, :attr:`metric` where a result has it."""
        found = []
        for result in self.results:
            scores = result["Metrics"]
            name = self.metric if self.metric in scores else next(iter(scores))
            found.append((name, float(scores[name]), str(result["Dataset"])))
        return found

    @property
    def giga_flops(self) -> float:
        """FLOPs in thousands of the "M" of its rule."""
        return (self.counted or self.recorded).flops / RULES[self.rule].unit / 1000

    def amount(self, key: str) -> str:
        """A count as text, in the "M" of its rule; operations of thousands of them, or where the paper does so, in "G".

        Args:
            key: ``parameters``, ``flops`` or ``macs``.
        """
        counts = self.counted or self.recorded
        unit = 10**6 if key == "parameters" else RULES["macs" if key == "macs" else self.rule].unit
        millions = getattr(counts, key) / unit
        published = self.published.get("FLOPs")
        giga = key != "parameters" and (published.endswith("G") if published else millions >= 1000)
        return f"{millions / 1000:.2f}G" if giga else f"{millions:.2f}M"

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        checks = {"as_recorded": self.as_recorded, "as_published": self.as_published, "agrees": self.agrees}
        return {**asdict(self), **checks}


def load_rows(table: Table, content: Mapping[str, Any]) -> list[Row]:
    """The rows of a table, as the metafile has them.

    Args:
        table: The table.
        content: The metafile of its paper.
    """
    rows = []
    for model in rows_of(table, content):
        metadata, published = model["Metadata"], dict(model.get("Published", {}))
        differs = published.pop("Counts Differ", None)
        if table.dataset and table.dataset != published.get("Dataset"):
            published = {key: value for key, value in published.items() if key not in ("Metrics", "Dataset")}
        recorded = Counts(metadata["Parameters"], metadata["FLOPs"], metadata["MACs"])
        rule, results = metadata["FLOPs Rule"], list(model.get("Results", []))
        rows.append(Row(alias_of(model), model["Config"], rule, published, recorded, differs=differs, results=results))
    return rows


def load_tables(words: Sequence[str] = ()) -> list[tuple[Paper, Table, list[Row]]]:
    """Tables of the papers with their rows, as the metafiles have them.

    Args:
        words: ``paper:table`` or ``paper``; none for all.

    Raises:
        ValueError: If there is no such paper or table.
    """
    contents = {key: load_metafile(path) for key, path in metafiles().items()}
    empty: dict[str, list] = {"Models": []}
    found = find_tables(words, contents)
    return [(paper, table, load_rows(table, contents.get(paper.key, empty))) for paper, table in found]


def recount(row: Row, root: Path) -> Row:
    """Build the network of a row and count again.

    Args:
        row: The row.
        root: The folder that holds ``configs``.

    Returns:
        The row with ``counted`` and ``shape``.
    """
    candidate = load_candidate(str(root / row.config))
    shape = candidate.require_shape()
    result = count(candidate.build(), shape, rules=list(dict.fromkeys(["macs", row.rule])))
    counted = Counts(result.parameters, result.operations[row.rule], result.operations["macs"])
    return replace(row, counted=counted, shape=shape)
