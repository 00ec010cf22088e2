"""One row of a paper's table: counted again, compared with what is printed, with what was measured."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mmpose_ext.toolbox.catalogue.metafile import (
    ILLEGIBLE,
    NOT_METRICS,
    STOCK,
    alias_of,
    aliases_of,
    load_metafile,
    measured_on,
    metafiles,
)
from mmpose_ext.toolbox.catalogue.paper_tables import Paper, PrintedRow, Table, find_tables
from mmpose_ext.toolbox.catalogue.tables import counts_agree, giga
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
        alias: Short name of the config; "" if the row has none.
        config: Path of the config in the repository, or ``mmpose::NAME``; "" if the row has none.
        rule: The paper's rule of counting; "" if the row has no config.
        published: The paper's figures as it prints them: Parameters, FLOPs, FPS, Dataset, Metrics.
        recorded: Our counts as the metafile has them; None if the row has no config.
        network: As the paper calls it; "" for a config that stands in none of its tables.
        why: Why the row has no config; "" if it has one.
        input: Input size as the paper prints it, where no config tells it.
        shape: Input height and width; None before counting.
        counted: Our counts as they are now; None before counting.
        lacks: The package without which the network can't be built and counted here; "" if it can.
        differs: Why a count is not the paper's; None where it is.
        results: What was measured: Dataset, Metrics, Hardware, Command and, as far as known, Date and Checkpoint.
        latency: Milliseconds for one image, with the conditions; None if not measured.
    """

    alias: str
    config: str
    rule: str
    published: Mapping[str, Any]
    recorded: Counts | None
    network: str = ""
    why: str = ""
    input: str = ""
    shape: tuple[int, int] | None = None
    counted: Counts | None = None
    lacks: str = ""
    differs: str | None = None
    results: list[Mapping[str, Any]] = field(default_factory=list)
    latency: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """Base name of the config."""
        return Path(self.config.removeprefix(STOCK)).stem

    def source(self, root: Path) -> str:
        """What :func:`.load_candidate` takes.

        Args:
            root: The folder that holds ``configs``.
        """
        return self.config if self.config.startswith(STOCK) else str(root / self.config)

    @property
    def counts(self) -> Counts | None:
        """Our counts: those of now, or before counting those of the metafile."""
        return self.counted or self.recorded

    @property
    def as_recorded(self) -> bool:
        """Whether the counts are still those of the metafile."""
        return self.counted in (None, self.recorded)

    @property
    def as_published(self) -> bool:
        """Whether parameters and FLOPs come out as the paper prints them; true where it prints none."""
        counts = self.counts
        if counts is None:
            return True
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
        return next((name for scores in self.every_scores for name in scores), "")

    @property
    def every_scores(self) -> list[Mapping[str, float]]:
        """Metric -> value: of the paper, and of each result."""
        return [self.published.get("Metrics", {}), *(result["Metrics"] for result in self.results)]

    def scores(self, metric: str) -> list[tuple[float, str]]:
        """Value and data set, with another length, of each result with a metric.

        Args:
            metric: Its name.
        """
        return [(float(one["Metrics"][metric]), measured_on(one)) for one in self.results if metric in one["Metrics"]]

    @property
    def measured(self) -> list[tuple[str, float, str]]:
        """Name, value and data set, with another length, of what was measured, :attr:`metric` where a result has it."""
        found = []
        for result in self.results:
            scores = result["Metrics"]
            name = self.metric if self.metric in scores else next(iter(scores))
            found.append((name, float(scores[name]), measured_on(result)))
        return found

    @property
    def giga_flops(self) -> float | None:
        """FLOPs in the "G" of its rule, for a row without a config as the paper prints them; None if it does not."""
        if self.counts is not None:
            return self.counts.flops / giga(RULES[self.rule].unit)
        text = self.published.get("FLOPs")
        return float(text[:-1]) * {"M": 1e-3, "G": 1}[text[-1]] if text else None

    @property
    def mega_parameters(self) -> float | None:
        """Parameters in millions, for a row without a config as the paper prints them; None if it does not."""
        if self.counts is not None:
            return self.counts.parameters / 10**6
        text = self.published.get("Parameters")
        return float(text[:-1]) * {"M": 1, "G": 1e3}[text[-1]] if text else None

    def amount(self, key: str) -> str:
        """A count as text, in the "M" of its rule; operations of thousands of them, or where the paper does so, in "G".

        Args:
            key: ``parameters``, ``flops`` or ``macs``.

        Returns:
            "-" for a row without a config.
        """
        if self.counts is None:
            return "-"
        unit = 10**6 if key == "parameters" else RULES["macs" if key == "macs" else self.rule].unit
        number, published = getattr(self.counts, key), self.published.get("FLOPs")
        in_giga = key != "parameters" and (published.endswith("G") if published else number >= giga(unit))
        return f"{number / giga(unit):.2f}G" if in_giga else f"{number / unit:.2f}M"

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
    models = {name: model for model in content["Models"] for name in [*aliases_of(model), model["Name"]]}
    return [_row(table, printed, models, content.get("Stock", {})) for printed in table.rows]


def _row(table: Table, printed: PrintedRow, models: Mapping[str, Any], stock: Mapping[str, Any]) -> Row:
    cells = {name: cell for name, cell in printed.cells.items() if cell != ILLEGIBLE}
    published = {name: cell for name, cell in cells.items() if name in NOT_METRICS}
    metrics = {name: float(cell) for name, cell in cells.items() if name not in NOT_METRICS}
    if metrics:
        main = {table.main: metrics[table.main]} if table.main in metrics else {}
        published |= {"Dataset": table.dataset, "Metrics": main | metrics}
    network = printed.network if table.columns else ""
    if not printed.config:
        return Row("", "", "", published, None, network=network, why=printed.why, input=printed.input)
    if printed.config in models:
        model = models[printed.config]
        alias, config, metadata = alias_of(model), str(model["Config"]), model["Metadata"]
        reason, results = model.get("Published", {}).get("Counts Differ"), list(model.get("Results", []))
        published = published if table.columns else dict(model.get("Published", {}))
        published.pop("Counts Differ", None)
    else:
        alias = printed.config.removeprefix(STOCK)
        config, metadata, results = printed.config, stock[alias], []
        reason = metadata.get("Counts Differ")
    recorded = Counts(metadata["Parameters"], metadata["FLOPs"], metadata["MACs"])
    row = Row(alias, config, metadata["FLOPs Rule"], published, recorded, network=network, results=results)
    return row if row.as_published else replace(row, differs=printed.differs or reason)


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
        The row with ``counted`` and ``shape``, or with ``lacks`` and ``shape``.
    """
    candidate = load_candidate(row.source(root))
    shape = candidate.require_shape()
    package, dot, _ = str(candidate.require_config().model.get("backbone", {}).get("type", "")).partition(".")
    if dot and importlib.util.find_spec(package) is None:
        return replace(row, lacks=package, shape=shape)
    result = count(candidate.build(), shape, rules=list(dict.fromkeys(["macs", row.rule])))
    counted = Counts(result.parameters, result.operations[row.rule], result.operations["macs"])
    return replace(row, counted=counted, shape=shape)
