"""The configs of this package as their metafiles list them, with the papers they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import mmpose_ext
from mmpose_ext.toolbox.catalogue.networks import config_folder
from mmpose_ext.toolbox.catalogue.tables import NOT_MEASURED, load_metafile, markdown_table, paper_name

__all__ = ["Entry", "entries", "find_entry", "listing", "matching"]


class Entry(NamedTuple):
    """A config."""

    model: Mapping[str, Any]
    """Its entry under `Models`."""
    collection: Mapping[str, Any]
    """The paper's entry under `Collections`."""

    @property
    def aliases(self) -> list[str]:
        """Short names, the one for tables first."""
        aliases = self.model.get("Alias", [])
        return [aliases] if isinstance(aliases, str) else list(aliases)

    @property
    def paper(self) -> str:
        """What the paper calls its network."""
        return paper_name(self.collection)

    @property
    def input(self) -> str:
        """Height and width, as in the name of the config."""
        return str(self.model["Name"]).rpartition("-")[2]


def entries(configs: Path | None = None) -> list[Entry]:
    """All configs, paper by paper.

    Args:
        configs: The folder ``configs``; None for that of this package.
    """
    found = []
    for path in sorted((configs or config_folder(mmpose_ext)).glob("body_2d_keypoint/*/metafile.yml")):
        content = load_metafile(path)
        collections = {collection["Name"]: collection for collection in content["Collections"]}
        found += [Entry(model, collections[model["In Collection"]]) for model in content["Models"]]
    return found


def find_entry(name: str) -> Entry | None:
    """The config with a base name or alias; None if it is none of ours.

    Args:
        name: Base name or alias.
    """
    return next((entry for entry in entries() if name == entry.model["Name"] or name in entry.aliases), None)


def matching(words: list[str]) -> list[Entry]:
    """Configs that have each word in their name, an alias, their paper's name or the data they are trained on.

    Args:
        words: Parts of names, upper or lower case; none for all configs.
    """

    def text(entry: Entry) -> str:
        data = entry.model["Metadata"]["Training Data"]
        return " ".join([entry.model["Name"], *entry.aliases, entry.model["In Collection"], entry.paper, data]).lower()

    return [entry for entry in entries() if all(word.lower() in text(entry) for word in words)]


def listing(found: Sequence[Entry]) -> str:
    """A table for people: one row for each config.

    Args:
        found: Configs.
    """
    header = ["alias", "paper", "trained on", "input", "params", "MACs", "measured"]
    rows = []
    for entry in found:
        metadata, results = entry.model["Metadata"], entry.model.get("Results", [])
        measured = "; ".join(f"{_first(result)} on {result['Dataset']}" for result in results) or NOT_MEASURED
        counts = [f"{metadata['Parameters'] / 1e6:.2f}M", f"{metadata['MACs'] / 1e6:.1f}M"]
        names = ", ".join(entry.aliases) or str(entry.model["Name"])
        rows.append([names, entry.paper, metadata["Training Data"], entry.input, *counts, measured])
    return markdown_table(header, rows)


def _first(result: Mapping[str, Any]) -> str:
    name, value = next(iter(result["Metrics"].items()))
    return f"{name} {value}"
