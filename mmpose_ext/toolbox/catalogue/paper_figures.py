"""The papers' figures: what draws each, or why nothing can; all of it stands in their ``metafile.yml``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmpose_ext.toolbox.catalogue.metafile import paper_name

__all__ = ["PREFIX", "Figure", "figures_of", "find_figures", "is_figure"]

PREFIX = "fig"
"""What stands before the number of a figure on the command line, as in ``scanet:fig4``."""


@dataclass(frozen=True)
class Figure:
    """A figure of a paper.

    Attributes:
        paper: Name of the paper's folder.
        called: What the paper calls its network.
        number: As the paper writes it.
        shows: A few words.
        drawing: Name of what draws it, see :mod:`mmpose_ext.toolbox.reproduction.figures`; "" if nothing does.
        configs: Aliases of the networks that it shows.
        tables: Numbers of the tables whose rows it shows.
        metric: The score that it shows; "" for that of the tables, or none.
        why: Why nothing draws it; "" if something does.
    """

    paper: str
    called: str
    number: str
    shows: str
    drawing: str = ""
    configs: Sequence[str] = ()
    tables: Sequence[str] = ()
    metric: str = ""
    why: str = ""

    @property
    def key(self) -> str:
        """Its name on the command line."""
        return f"{self.paper}:{PREFIX}{self.number}"

    @property
    def command(self) -> str:
        """What draws it; "" if nothing does."""
        return f"mmpose-ext reproduce {self.key}" if self.drawing else ""

    def require_drawing(self) -> None:
        """Raise a ``ValueError`` that says why if nothing draws it."""
        if not self.drawing:
            raise ValueError(f"{self} has no command: {self.why}")

    def __str__(self) -> str:
        return f"{self.called}, Figure {self.number} ({self.shows})"


def is_figure(word: str) -> bool:
    """Whether a word of the user is ``paper:figN`` rather than a table.

    Args:
        word: A word.
    """
    return word.lower().partition(":")[2].startswith(PREFIX)


def figures_of(key: str, content: Mapping[str, Any]) -> list[Figure]:
    """All figures of a paper.

    Args:
        key: Name of its folder.
        content: Its metafile.
    """
    called = next(map(paper_name, content.get("Collections", [])), key)
    return [
        Figure(
            key,
            called,
            str(one["Number"]),
            one["Shows"],
            one.get("Drawing", ""),
            tuple(one.get("Configs", ())),
            tuple(map(str, one.get("Tables", ()))),
            one.get("Metric", ""),
            one.get("Why", ""),
        )
        for one in content.get("Figures", [])
    ]


def find_figures(words: Sequence[str], contents: Mapping[str, Mapping[str, Any]]) -> list[Figure]:
    """Resolve what a user asks for.

    Args:
        words: ``paper:figN`` each, in upper or lower case.
        contents: Name of a paper's folder -> its metafile.

    Returns:
        Each figure once.

    Raises:
        ValueError: If there is no such paper or figure.
    """
    found = {}
    for word in words:
        key, _, _ = word.lower().partition(":")
        if key not in contents:
            raise ValueError(f"expected a paper among {', '.join(contents)}, got {key!r}")
        known = {figure.key.lower(): figure for figure in figures_of(key, contents[key])}
        if word.lower() not in known:
            raise ValueError(f"expected a figure among {', '.join(known) or 'none'}, got {word!r}")
        found[word.lower()] = known[word.lower()]
    return list(found.values())
