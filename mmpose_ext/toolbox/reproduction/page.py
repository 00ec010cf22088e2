"""Tables of a paper as one HTML page that needs no other file: plots, tables that sort, light and dark, phones."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from mmpose_ext.atomic import atomic_write
from mmpose_ext.toolbox.catalogue.metafile import NOT_MEASURED, STOCK
from mmpose_ext.toolbox.catalogue.paper_tables import Paper, Table
from mmpose_ext.toolbox.reproduction.report import NONE, Column, Tables, columns_of, heading, notes
from mmpose_ext.toolbox.reproduction.rows import Row
from mmpose_ext.toolbox.reproduction.scatter import Mark, draw
from mmpose_ext.toolbox.reproduction.style import SCRIPT, STYLE

__all__ = ["marks", "page", "plots", "write_page"]


def page(tables: Tables, *, command: str, about: str) -> str:
    """All tables as one page.

    Args:
        tables: Each table with its paper and rows.
        command: What was run.
        about: When, and with which versions.
    """
    parts = [f"<p class=about>{html.escape(about)}</p>", f"<pre>{html.escape(command)}</pre>", _summary(tables)]
    if len(tables) > 1:
        parts.append(_contents(tables))
    parts += [_section(paper, table, rows) for paper, table, rows in tables]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{html.escape(_title(tables))}</title><style>{STYLE}</style></head>\n"
        f"<body><main><h1>{html.escape(_title(tables))}</h1>\n"
        + "\n".join(parts)
        + f"\n</main><script>{SCRIPT}</script></body></html>\n"
    )


def write_page(path: Path, tables: Tables, *, command: str, about: str) -> None:
    """Write the page.

    Args:
        path: The file.
        tables: Each table with its paper and rows.
        command: What was run.
        about: When, and with which versions.
    """
    with atomic_write(path) as partial:
        partial.write_text(page(tables, command=command, about=about))


def _title(tables: Tables) -> str:
    names = list(dict.fromkeys(paper.name for paper, _, _ in tables))
    if len(tables) == 1:
        ((paper, table, _),) = tables
        return heading(paper, table)
    return f"{names[0]}: tables" if len(names) == 1 else "The papers' tables"


def _summary(tables: Tables) -> str:
    rows = {row.config: row for _, _, rows in tables for row in rows if row.config}.values()
    expected = sum(row.agrees for row in rows)
    facts = [
        (f"{expected} of {len(rows)}", "configs count as expected", "good" if expected == len(rows) else "bad"),
        (f"{sum(bool(row.results) for row in rows)} of {len(rows)}", "with a measured accuracy", ""),
        (f"{sum(bool(row.latency) for row in rows)} of {len(rows)}", "with a measured latency", ""),
    ]
    return "<ul class=facts>" + "".join(f"<li class='{k}'><b>{n}</b> {w}</li>" for n, w, k in facts) + "</ul>"


def _anchor(paper: Paper, table: Table) -> str:
    return f"{paper.key}-{table.number}"


def _contents(tables: Tables) -> str:
    """Links to the tables, one line for each paper."""
    lines: dict[str, list[str]] = {}
    for paper, table, _ in tables:
        link = f'<a href="#{_anchor(paper, table)}" title="{html.escape(table.title)}">{html.escape(table.number)}</a>'
        lines.setdefault(paper.name, []).append(link)
    return (
        "<nav>" + "".join(f"<p><b>{html.escape(n)}</b> {' '.join(links)}</p>" for n, links in lines.items()) + "</nav>"
    )


def _section(paper: Paper, table: Table, rows: Sequence[Row]) -> str:
    parts = [f'<section id="{_anchor(paper, table)}"><h2>{html.escape(heading(paper, table))}</h2>']
    parts += [plots(rows), _table(table, rows)] if rows else []
    said = "".join(f"<li>{_marked_up(note)}</li>" for note in notes(table, rows))
    return "\n".join([*parts, f"<ul class=notes>{said}</ul></section>"])


def _marked_up(note: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(note))


def _table(table: Table, rows: Sequence[Row]) -> str:
    columns = columns_of(table, rows)
    above = "".join(
        f"<th colspan={len(list(several))}{' class=group' if group else ''}>{html.escape(group)}</th>"
        for group, several in groupby(columns, key=lambda column: column.group)
    )
    names = "".join(f"<th scope=col aria-sort=none><button>{html.escape(one.name)}</button></th>" for one in columns)
    lines = []
    for row in rows:
        first, *others = columns
        line = f'<th scope=row title="{html.escape(row.config)}">{html.escape(first.text(row))}</th>'
        line += "".join(_cell(column, row) for column in others)
        lines.append(f"<tr{'' if row.agrees else ' class=wrong'}>{line}</tr>")
    head = f"<thead><tr>{above}</tr><tr>{names}</tr></thead>"
    return f"<div class=wide><table>{head}<tbody>{''.join(lines)}</tbody></table></div>"


def _cell(column: Column, row: Row) -> str:
    text, key = column.text(row), column.key(row)
    kind = "none" if text in (NOT_MEASURED, NONE) else ""
    if column.name == "counts" and row.config:
        kind = "bad" if not row.agrees else "differs" if row.differs or row.lacks else "good"
    attributes = (f" class={kind}" if kind else "") + ("" if key is None else f" data-key={key:g}")
    return f"<td{attributes}>{_below(html.escape(text))}</td>"


def _below(text: str) -> str:
    """Data sets, which stand in brackets, below their scores."""
    return re.sub(r" \(([^()]*)\)(; )?", r"<small>\1</small>", text)


def plots(rows: Sequence[Row]) -> str:
    """Accuracy over FLOPs and over measured latency; nothing if no row has an accuracy.

    Args:
        rows: The rows of one table.
    """
    score, data, over_flops, over_latency = marks(rows)
    if not over_flops:
        return ""
    name = f"{score} on {data}"
    flops = draw(
        over_flops,
        x_label="GFLOPs of one image, counted here where there is a config",
        y_label=name,
        title=f"{name} over GFLOPs",
    )
    if over_latency:
        label = "ms for one image, measured here"
        latency = draw(over_latency, x_label=label, y_label=name, title=f"{name} over measured latency")
    else:
        latency = f"<p>Latency: {NOT_MEASURED} (<code>--latency</code>)</p>"
    legend = "<figcaption><i class=hollow></i> paper <i class=full></i> measured here</figcaption>"
    second = f"<div{'' if over_latency else ' class=absent'}>{latency}</div>"
    return f"<figure><div>{flops}</div>{second}{legend}</figure>"


def marks(rows: Sequence[Row]) -> tuple[str, str, list[Mark], list[Mark]]:
    """What can be drawn: the scores of one metric on one data set, that of most rows.

    Args:
        rows: The rows of one table.

    Returns:
        The metric, the data set, and marks over GFLOPs and over milliseconds.
    """
    scores: list[tuple[tuple[str, str], float, Row, bool]] = []
    for row in rows:
        if row.in_paper:
            scores.append(((row.metric, row.published["Dataset"]), row.published["Metrics"][row.metric], row, False))
        scores += [((name, data), value, row, True) for name, value, data in row.measured]
    if not scores:
        return "", "", [], []
    ((chosen, _),) = Counter(key for key, *_ in scores).most_common(1)
    drawn = [(value, row, measured) for key, value, row, measured in scores if key == chosen]
    over_flops = [_mark(r, r.giga_flops, value, measured=m) for value, r, m in drawn if r.giga_flops is not None]
    over_latency = [_mark(r, r.latency["milliseconds"], value, measured=m) for value, r, m in drawn if r.latency]
    return *chosen, over_flops, over_latency


def _mark(row: Row, cost: float, score: float, *, measured: bool) -> Mark:
    return Mark(cost, score, _label(row), measured, row.network, row.mega_parameters)


def _label(row: Row) -> str:
    """Of a mark: our own networks by their alias, others as the paper calls them."""
    return row.alias if row.config and not row.config.startswith(STOCK) else row.network
