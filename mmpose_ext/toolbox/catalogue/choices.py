"""The networks that the page offers: every alias of the metafiles.

Deviations: none (no paper).
"""

from __future__ import annotations

import re
from typing import NamedTuple

import mmpose_ext
from mmpose_ext.toolbox.catalogue.networks import config_folder
from mmpose_ext.toolbox.catalogue.tables import load_metafile, paper_name

__all__ = ["Choice", "choices"]


class Choice(NamedTuple):
    """One network."""

    alias: str
    """As ``mmpose-ext infer --model`` takes it."""
    paper: str
    """Short name of its paper."""
    url: str
    """Of the paper."""
    data: str
    """What its config trains on."""
    size: str
    """Input, height x width."""
    parameters: int

    @property
    def label(self) -> str:
        """One line for a list."""
        return f"{self.alias} · {self.paper}, {self.data}"

    @property
    def description(self) -> str:
        """One line of Markdown."""
        millions = f"{self.parameters / 1e6:.1f} M parameters"
        return f"[{self.paper}]({self.url}) · {millions} · {self.size} · key points of {self.data}"


def choices() -> list[Choice]:
    """All networks with an alias, paper by paper in alphabetical order, the main one of each first."""
    found = []
    for path in sorted(config_folder(mmpose_ext).rglob("metafile.yml")):
        content = load_metafile(path)
        papers = {paper["Name"]: paper for paper in content["Collections"]}
        for model in content["Models"]:
            size = re.search(r"(\d+)x(\d+)$", model["Name"])
            aliases = model.get("Alias", [])
            found += [
                Choice(
                    alias,
                    paper_name(papers[model["In Collection"]]),
                    papers[model["In Collection"]]["Paper"]["URL"],
                    model["Metadata"]["Training Data"],
                    f"{size[1]} x {size[2]}" if size else "any size",
                    model["Metadata"]["Parameters"],
                )
                for alias in ([aliases] if isinstance(aliases, str) else aliases)
            ]
    return found
