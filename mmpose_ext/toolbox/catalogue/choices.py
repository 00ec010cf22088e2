"""The networks that the demo offers: every alias of the metafiles."""

from __future__ import annotations

import re
from typing import NamedTuple

from mmpose_ext.toolbox.catalogue.metafile import entries

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
        return f"[{self.paper}]({self.url}) · {millions} · {self.size} · keypoints of {self.data}"


def choices() -> list[Choice]:
    """All networks with an alias, paper by paper in alphabetical order, the main one of each first."""
    found = []
    for entry in entries():
        size = re.fullmatch(r"(\d+)x(\d+)", entry.input)
        text = f"{size[1]} x {size[2]}" if size else "any size"
        url, parameters = entry.collection["Paper"]["URL"], entry.model["Metadata"]["Parameters"]
        found += [Choice(alias, entry.paper, url, entry.training_data, text, parameters) for alias in entry.aliases]
    return found
