"""The reader of the metafiles: which configs there are, their aliases, their published and measured numbers.

Numbers stand in ``configs/body_2d_keypoint/<paper>/metafile.yml`` and nowhere else. The file is OpenMMLab's (OpenMIM
and MMEngine read it), and has these keys; those marked * are ours::

    Collections:
      - Name: XHRNet                                    # what `mim search mmpose_ext --model` takes, in any case
        Called: X-HRNet                                 # * by its paper; absent if it is the same
        Paper: {Title: ..., URL: ...}
    Models:
      - Name: td-hm_xhrnet-18_8xb64-210e_coco-256x192   # lower case, the base name of the config
        Alias: xhrnet-18                                # one or a list, for MMPoseInferencer and this command line
        In Collection: XHRNet
        Config: configs/body_2d_keypoint/xhrnet/td-hm_xhrnet-18_8xb64-210e_coco-256x192.py
        Metadata:                                       # what we counted; a test counts again
          Training Data: COCO
          Parameters: 1337065
          FLOPs: 203887232                              # of one image, by the rule of the paper
          FLOPs Rule: leaf-modules                      # * a name in mmpose_ext.toolbox.counting.rules.RULES
          MACs: 193587968                               # * by the rule `macs`
        Published:                                      # * what the paper's text prints, and
          Source: section 3.2                           # why a count is not ours; only where it is not. What its tables
          Parameters: 1.3M                              # print stands below, and `load_metafile` adds it here, with
          Counts Differ: It leaves out the tokens.      # the keys FLOPs, Dataset, Metrics
        Results:                                        # what was measured with this code; absent if nothing
          - Task: Body 2D Keypoint
            Dataset: LSPET val
            Metrics: {PCK@0.2: 81.2}
            Hardware: 2 cores of a Xeon                 # *
            Time: 41 min                                # * as Seed, Date and Note not required
            Command: mim train mmpose configs/...       # *
    Tables:                                             # * all tables with results, each with all rows and cells
      - Number: 2                                       # as the paper writes it
        Title: Comparison on COCO val2017
        Dataset: COCO val2017                           # of its metrics
        Main: AP                                        # the metric that is drawn; absent if it is the first
        Note: ...                                       # what there is to know; may be absent
        Columns: [Parameters, FLOPs, AP]                # other than Parameters, FLOPs and FPS: metrics
        Rows:                                           # ~ is a cell that the paper leaves empty, "?" one not legible
          - {Network: X-HRNet-18, Config: xhrnet-18, Cells: [1.3M, 194.4M, 65.1]}
          - {Network: ResNet-50, Config: "mmpose::td-hm_res50_8xb64-210e_coco-256x192", Cells: [34.0M, 8.9G, 70.4]}
          - {Network: DY-ReLU, Input: 256x192, Why: MMPose has no config of it., Cells: [9.0M, 1.03G, 68.1]}
    Figures:                                            # * all figures: what draws each, or why nothing does; see
      - {Number: 4, Shows: AP, Drawing: scatter, Tables: [2]}  # mmpose_ext/toolbox/reproduction/figures.py
      - {Number: 5, Shows: Attention maps, Drawing: attention, Configs: [xhrnet-18]}
    Stock:                                              # * MMPose's configs in these tables, counted as ours are
      td-hm_res50_8xb64-210e_coco-256x192: {Parameters: ..., FLOPs: ..., FLOPs Rule: ..., MACs: ...}  # as Metadata
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

__all__ = [
    "ILLEGIBLE",
    "NOT_MEASURED",
    "NOT_METRICS",
    "STOCK",
    "Entry",
    "alias_of",
    "aliases_of",
    "config_folder",
    "entries",
    "entries_of",
    "find_entry",
    "find_models",
    "first_metric",
    "load_metafile",
    "main_metric",
    "measured_on",
    "metafiles",
    "paper_name",
]

NOT_MEASURED = "not measured"
ILLEGIBLE = "?"
"""A cell that is printed, but not legible to us."""
NOT_METRICS = ("Parameters", "FLOPs", "FPS")
"""Columns of a table that are not measured on a data set."""
STOCK = "mmpose::"
"""What stands before the base name of a config of MMPose."""
_KEYS = {
    "model": ({"Name", "In Collection", "Config", "Metadata"}, {"Alias", "Published", "Results", "Weights"}),
    "Metadata": ({"Training Data", "Parameters", "FLOPs", "FLOPs Rule", "MACs"}, {"Architecture"}),
    "Published": (set(), {"Source", "Parameters", "FLOPs", "Counts Differ", "Dataset", "Metrics"}),
    "Results": ({"Task", "Dataset", "Metrics", "Hardware", "Command"}, {"Length", "Time", "Date", "Seed", "Note"}),
    "Tables": ({"Number", "Title", "Columns", "Rows"}, {"Dataset", "Main", "Note"}),
    "Rows": ({"Network", "Cells"}, {"Config", "Why", "Input", "Counts Differ"}),
    "Figures": ({"Number", "Shows"}, {"Drawing", "Configs", "Tables", "Metric", "Why"}),
    "Stock": ({"Parameters", "FLOPs", "FLOPs Rule", "MACs"}, {"Counts Differ"}),
}
"""Part of a metafile -> keys that it must have and keys that it may have."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast where libyaml is there


class Entry(NamedTuple):
    """A config."""

    model: Mapping[str, Any]
    """Its entry under `Models`."""
    collection: Mapping[str, Any]
    """The paper's entry under `Collections`."""

    @property
    def name(self) -> str:
        """Base name of the config file."""
        return str(self.model["Name"])

    @property
    def aliases(self) -> list[str]:
        """Short names, the one for tables first."""
        return aliases_of(self.model)

    @property
    def config(self) -> str:
        """Path of the config, from the folder that holds ``configs``."""
        return str(self.model["Config"])

    @property
    def paper(self) -> str:
        """What the paper calls its network."""
        return paper_name(self.collection)

    @property
    def training_data(self) -> str:
        """Name of the data that the config trains on."""
        return str(self.model["Metadata"]["Training Data"])

    @property
    def input(self) -> str:
        """Height and width, as in the name of the config."""
        return self.name.rpartition("-")[2]


def config_folder(package: str = "mmpose_ext") -> Path:
    """The folder ``configs`` of an installed package, or of the checkout that it is imported from.

    The package is not imported.

    Args:
        package: Name of a package with configs, i.e. ``mmpose`` or ``mmpose_ext``.

    Raises:
        ValueError: If the package is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ValueError(f"expected the package {package}, which is not installed")
    root = Path(spec.origin).resolve().parent
    if (root.parent / "pyproject.toml").is_file() and (root.parent / "configs").is_dir():
        return root.parent / "configs"
    return root / ".mim" / "configs"


def metafiles(configs: Path | None = None) -> dict[str, Path]:
    """Name of each paper's folder -> its metafile.

    Args:
        configs: The folder ``configs``; None for that of this package.
    """
    found = (configs or config_folder()).glob("body_2d_keypoint/*/metafile.yml")
    return {path.parent.name: path for path in sorted(found)}


def load_metafile(path: Path) -> dict[str, Any]:
    """Read a metafile and check its keys.

    Args:
        path: ``metafile.yml`` of a paper.

    Raises:
        ValueError: If a key is missing or unknown, a name is not lower case, a collection is not defined, or a row of a
            table has other cells than columns or a config that the metafile does not have.
    """
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)
    collections = {collection["Name"] for collection in content["Collections"]}
    for model in content["Models"]:
        name = model.get("Name", "a model without a name")
        _check_keys(path, name, "model", model)
        _check_keys(path, name, "Metadata", model["Metadata"])
        for part in ("Published", "Results"):
            entries = model.get(part, [])
            for entry in [entries] if isinstance(entries, dict) else entries:
                _check_keys(path, name, part, entry)
        if name != name.lower() or name != Path(model["Config"]).stem:
            raise ValueError(f"{path}: expected the base name of {model['Config']} in lower case, got {name}")
        if model["In Collection"] not in collections:
            raise ValueError(f"{path}: {name}: expected a collection among {collections}, got {model['In Collection']}")
    _check_tables(path, content)
    for model in content["Models"]:
        _add_published(model, content.get("Tables", []))
    return content


def _check_tables(path: Path, content: Mapping[str, Any]) -> None:
    for name, entry in content.get("Stock", {}).items():
        _check_keys(path, name, "Stock", entry)
    known = {STOCK + name for name in content.get("Stock", {})}
    known |= {name for model in content["Models"] for name in [*aliases_of(model), model["Name"]]}
    for table in content.get("Tables", []):
        where = f"table {table.get('Number')}"
        _check_keys(path, where, "Tables", table)
        if "Main" in table and table["Main"] not in table["Columns"]:
            raise ValueError(f"{path}: {where}: expected Main among {table['Columns']}, got {table['Main']}")
        for row in table["Rows"]:
            _check_keys(path, where, "Rows", row)
            _check_one(path, f"{where}: {row['Network']}", row, "Config")
            if len(row["Cells"]) != len(table["Columns"]):
                wanted, came = len(table["Columns"]), len(row["Cells"])
                raise ValueError(f"{path}: {where}: {row['Network']}: expected {wanted} cells, got {came}")
            if "Config" in row and row["Config"] not in known:
                raise ValueError(
                    f"{path}: {where}: {row['Network']}: expected an alias or one of Stock, got {row['Config']}"
                )
    for figure in content.get("Figures", []):
        _check_keys(path, f"figure {figure.get('Number')}", "Figures", figure)
        _check_one(path, f"figure {figure['Number']}", figure, "Drawing")


def _check_one(path: Path, name: str, entry: Mapping[str, Any], key: str) -> None:
    if (key in entry) is ("Why" in entry):
        raise ValueError(f"{path}: {name}: expected {key}, or else Why, got {sorted(entry)}")


def _add_published(model: dict[str, Any], tables: Sequence[Mapping[str, Any]]) -> None:
    """Add what the tables print for a config; of several the one with metrics, and the first, counts most."""
    names = [*aliases_of(model), model["Name"]]
    rows = [(table, row) for table in tables for row in table["Rows"] if row.get("Config") in names]
    if not rows:
        return
    rows.sort(key=lambda pair: _printed(*pair).keys() <= set(NOT_METRICS))  # stable
    (table, row), *_ = rows
    cells = _printed(table, row)
    published: dict[str, Any] = {"Source": f"Table {table['Number']}"}
    for key in ("Parameters", "FLOPs"):
        published |= next(({key: one[key]} for one in (_printed(*pair) for pair in rows) if key in one), {})
    metrics = {name: value for name, value in cells.items() if name not in NOT_METRICS}
    if metrics:
        main = main_metric(table)
        first = {main: metrics[main]} if main in metrics else {}
        published |= {"Dataset": table["Dataset"], "Metrics": first | metrics}
    own = model.get("Published", {})
    merged = {"Metrics": published["Metrics"] | own["Metrics"]} if {"Metrics"} <= published.keys() & own.keys() else {}
    model["Published"] = published | own | merged


def _printed(table: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    cells = zip(table["Columns"], row["Cells"], strict=True)
    return {name: cell for name, cell in cells if cell not in (None, ILLEGIBLE)}


def main_metric(table: Mapping[str, Any]) -> str:
    """The metric of a table that is drawn and listed; "" if it has none.

    Args:
        table: An entry under ``Tables``.
    """
    return table.get("Main") or next((name for name in table["Columns"] if name not in NOT_METRICS), "")


def _check_keys(path: Path, name: str, part: str, entry: Mapping[str, Any]) -> None:
    required, allowed = _KEYS[part]
    if required - entry.keys():
        raise ValueError(f"{path}: {name}: expected {sorted(required)} in {part}, got {sorted(entry)}")
    if entry.keys() - required - allowed:
        raise ValueError(f"{path}: {name}: expected only {sorted(required | allowed)} in {part}, got {sorted(entry)}")


def aliases_of(model: Mapping[str, Any]) -> list[str]:
    """Short names of a config, the one for tables first.

    Args:
        model: An entry under ``Models``, whose ``Alias`` is one name, a list or absent.
    """
    aliases = model.get("Alias") or []
    return [aliases] if isinstance(aliases, str) else list(aliases)


def alias_of(model: Mapping[str, Any]) -> str:
    """The name of a config in tables: its first alias, or its base name.

    Args:
        model: An entry under ``Models``.
    """
    return next(iter(aliases_of(model)), str(model["Name"]))


def paper_name(collection: Mapping[str, Any]) -> str:
    """What a paper calls its network.

    Args:
        collection: An entry under ``Collections``.
    """
    return str(collection.get("Called", collection["Name"]))


def first_metric(result: Mapping[str, Any]) -> str:
    """Name and value of the main metric, e.g. ``AP 65.1``.

    Args:
        result: An entry with ``Metrics``, under ``Results`` or ``Published``.
    """
    name, value = next(iter(result["Metrics"].items()))
    return f"{name} {value}"


def measured_on(result: Mapping[str, Any]) -> str:
    """The data set of a result, and the length of its training where it is not the config's.

    Args:
        result: An entry under ``Results``.
    """
    return ", ".join(str(result[key]) for key in ("Dataset", "Length") if key in result)


def entries_of(content: Mapping[str, Any]) -> list[Entry]:
    """The configs of one metafile.

    Args:
        content: What :func:`load_metafile` returned.
    """
    collections = {collection["Name"]: collection for collection in content["Collections"]}
    return [Entry(model, collections[model["In Collection"]]) for model in content["Models"]]


def entries(configs: Path | None = None) -> list[Entry]:
    """All configs, paper by paper.

    Args:
        configs: The folder ``configs``; None for that of this package.
    """
    return [entry for path in metafiles(configs).values() for entry in entries_of(load_metafile(path))]


def find_entry(name: str) -> Entry | None:
    """The config with a base name or alias; None if it is none of ours.

    Args:
        name: Base name or alias.
    """
    return next((entry for entry in entries() if name == entry.name or name in entry.aliases), None)


def find_models(words: Sequence[str] = ()) -> list[Entry]:
    """Configs that have each word in their name, an alias, their paper's name or the data they are trained on.

    Args:
        words: Parts of names, upper or lower case; none for all configs.
    """

    def text(entry: Entry) -> str:
        names = [entry.name, *entry.aliases, entry.model["In Collection"], entry.paper, entry.training_data]
        return " ".join(names).lower()

    return [entry for entry in entries() if all(word.lower() in text(entry) for word in words)]
