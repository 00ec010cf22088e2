"""Tables of a paper as Markdown, JSON, CSV and one HTML page that needs no other file.

Deviations: none (no paper).
"""

from __future__ import annotations

import base64
import csv
import html
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmpose_ext.analysis import benchmark
from mmpose_ext.analysis.models import load_candidate
from mmpose_ext.analysis.tables import NOT_MEASURED, markdown_table
from mmpose_ext.reproduction.manifest import Paper, Table
from mmpose_ext.reproduction.rows import Row

__all__ = ["HEADER", "add_latency", "cells", "markdown", "page", "plot", "updated", "write"]

Tables = Sequence[tuple[Paper, Table, Sequence[Row]]]

HEADER = (
    "config",
    "input",
    "params, paper",
    "params",
    "FLOPs, paper",
    "FLOPs",
    "MACs",
    "counts",
    "accuracy, paper",
    "accuracy, measured",
    "latency",
)
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1200px; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; font-size: 13px; margin: 1em 0; display: block; overflow-x: auto }
th, td { border-bottom: 1px solid #ddd; padding: 4px 8px; text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left }
.wrong { background: #fdd } .none { color: #999 } img { max-width: 100% }
"""


def updated(row: Row, unique: Mapping[str, Row]) -> Row:
    """A row with what was counted and measured for its config.

    Args:
        row: A row, whose published figures may be those of another table.
        unique: Config -> its row after counting.
    """
    done = unique[row.config]
    return replace(row, counted=done.counted, shape=done.shape, results=done.results, latency=done.latency)


def add_latency(unique: dict[str, Row], root: Path, *, rounds: int, threads: int) -> None:
    """Measure one image at a time, all rows in turns in this process, and store it with the rows.

    Args:
        unique: Config -> row.
        root: The folder that holds ``configs``.
        rounds: How often each row has its turn.
        threads: CPU threads.
    """
    settings = benchmark.Settings(batches=(1,), rounds=rounds, threads=threads)
    entries = {
        config: benchmark.prepare(load_candidate(str(root / row.config), shape=row.shape), settings)[0]
        for config, row in unique.items()
    }
    benchmark.measure(list(entries.values()), settings)
    about = benchmark.environment(settings, "mmpose-ext reproduce --latency")
    for config, entry in entries.items():
        _, median, _ = benchmark.quartiles(entry.seconds[1])
        conditions = {
            "threads": threads,
            "rounds": rounds,
            "hardware": about["gpu"] or about["cpu"],
            "mode": entry.mode,
        }
        unique[config] = replace(unique[config], latency={"milliseconds": round(1000 * median, 3), **conditions})


def cells(row: Row) -> list[str]:
    """A row as text, one cell for each name in :data:`HEADER`.

    Args:
        row: The row.
    """
    published = row.published
    counts = "as published" if row.as_published and {"Parameters", "FLOPs"} & published.keys() else "as recorded"
    if not row.as_recorded:
        counts = f"CHANGED, was {row.recorded.parameters} parameters, {row.recorded.flops} FLOPs"
    elif row.as_published is not (row.differs is None):
        counts = "NOT AS PUBLISHED" if row.differs is None else "as published, but a reason is recorded"
    elif row.differs is not None:
        counts = "differs, see below"
    metrics = [f"{name} {value}" for name, value in published.get("Metrics", {}).items()][:1]
    return [
        row.alias,
        "x".join(map(str, row.shape)) if row.shape else "-",
        published.get("Parameters", "-"),
        row.millions("parameters"),
        published.get("FLOPs", "-"),
        row.millions("flops"),
        row.millions("macs"),
        counts,
        " ".join([*metrics, *([f"({published['Dataset']})"] if metrics else [])]) or "-",
        "; ".join(_result(result) for result in row.results) or NOT_MEASURED,
        f"{row.latency['milliseconds']:.1f} ms" if row.latency else NOT_MEASURED,
    ]


def _result(result: Mapping[str, Any]) -> str:
    name, value = next(iter(result["Metrics"].items()))
    return f"{name} {value} ({result['Dataset']})"


def _notes(table: Table, rows: Sequence[Row]) -> list[str]:
    """What has to be said below a table."""
    notes = [table.note] if table.note else []
    if not rows:
        return ["Not here: no config of ours stands in this table.", *notes]
    rules = sorted({row.rule for row in rows})
    notes.append(f"FLOPs by the rule {', '.join(rules)}; MACs of one image. Input is height x width.")
    notes += [f"{row.alias}: {row.differs}" for row in rows if row.differs]
    notes += [
        f"{row.alias}, {_result(result)}: {result['Hardware']}, {result.get('Date', 'no date')}"
        + (f", checkpoint {result['Checkpoint'][:12]}" if "Checkpoint" in result else "")
        + f", `{result['Command']}`"
        for row in rows
        for result in row.results
    ]
    latencies = [row.latency for row in rows if row.latency]
    if latencies:
        one = latencies[0]
        notes.append(
            f"Latency: one image, {one['mode']}, {one['threads']} threads of {one['hardware']}, "
            f"median of {one['rounds']} rounds in turns."
        )
    return notes


def markdown(tables: Tables) -> str:
    """All tables as Markdown.

    Args:
        tables: Each table with its paper and rows.
    """
    parts = []
    for paper, table, rows in tables:
        parts.append(f"## {paper.name}, Table {table.number}: {table.title}")
        if rows:
            parts.append(markdown_table(HEADER, [cells(row) for row in rows]))
        parts.append("\n".join(f"- {note}" for note in _notes(table, rows)))
    return "\n\n".join(parts)


def plot(rows: Sequence[Row]) -> bytes | None:
    """Accuracy over FLOPs and over measured latency, as a PNG; None if there is nothing to draw.

    Args:
        rows: The rows of one table. Hollow marks are the paper's figures, full ones were measured here.
    """
    names = [next(iter(row.published["Metrics"])) for row in rows if row.published.get("Metrics")]
    if not names:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.8), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for row in rows:
        costs = ((row.counted or row.recorded).flops / 1e9, row.latency["milliseconds"] if row.latency else None)
        for panel, cost in zip(panels, costs, strict=True):
            for value, face in ((_paper(row, names[0]), "none"), (_measured(row, names[0]), "tab:blue")):
                if cost is not None and value is not None:
                    panel.plot(cost, value, "o", markerfacecolor=face, markeredgecolor="tab:blue")
                    panel.annotate(row.alias, (cost, value), xytext=(5, 4), textcoords="offset points", fontsize=7)
    panels[0].set(xlabel="GFLOPs of one image, our count", ylabel=f"{names[0]}: hollow = paper, full = measured here")
    panels[1].set(xlabel="milliseconds for one image, measured here")
    if not any(row.latency for row in rows):
        panels[1].text(0.5, 0.5, f"latency {NOT_MEASURED} (--latency)", ha="center", transform=panels[1].transAxes)
        panels[1].set_xticks([])
    for panel in panels:
        panel.margins(0.15)
        panel.grid(alpha=0.3)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    return buffer.getvalue()


def _paper(row: Row, metric: str) -> float | None:
    return row.published.get("Metrics", {}).get(metric)


def _measured(row: Row, metric: str) -> float | None:
    """The last result with the paper's metric on the paper's data, in percent."""
    for result in reversed(row.results):
        if "Checkpoint" not in result and result["Dataset"] != row.published.get("Dataset"):
            continue
        for name, value in result["Metrics"].items():
            if name.rpartition("/")[2] == metric:
                return 100 * value if value <= 1 else value
    return None


def page(tables: Tables, *, command: str) -> str:
    """All tables as one HTML page with its plots inside.

    Args:
        tables: Each table with its paper and rows.
        command: What was run.
    """
    parts = [f"<p><code>{html.escape(command)}</code></p>"]
    for paper, table, rows in tables:
        parts.append(f"<h2>{html.escape(f'{paper.name}, Table {table.number}: {table.title}')}</h2>")
        if rows:
            parts.append("<table><tr>" + "".join(f"<th>{html.escape(name)}</th>" for name in HEADER) + "</tr>")
            for row in rows:
                kinds = ["none" if cell == NOT_MEASURED else "" for cell in cells(row)]
                line = [f'<td class="{k}">{html.escape(c)}</td>' for k, c in zip(kinds, cells(row), strict=True)]
                parts.append(f'<tr class="{"" if row.agrees else "wrong"}">' + "".join(line) + "</tr>")
            parts.append("</table>")
            picture = plot(rows)
            if picture:
                data = base64.b64encode(picture).decode()
                parts.append(f'<img alt="accuracy over cost" src="data:image/png;base64,{data}">')
        parts.append("<ul>" + "".join(f"<li>{html.escape(note)}</li>" for note in _notes(table, rows)) + "</ul>")
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Reproduction</title>'
        f"<style>{_STYLE}</style></head><body><h1>Reproduction</h1>\n{body}\n</body></html>\n"
    )


def write(tables: Tables, out: Path, *, command: str) -> list[Path]:
    """Write ``reproduction.md``, ``.json``, ``.csv`` and ``.html``.

    Args:
        tables: Each table with its paper and rows.
        out: The folder.
        command: What was run.

    Returns:
        The files.
    """
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / f"reproduction.{ending}" for ending in ("md", "json", "csv", "html")]
    paths[0].write_text(f"# Reproduction\n\n`{command}`\n\n{markdown(tables)}\n")
    content = [
        {"paper": paper.key, "table": table.number, "title": table.title, "rows": [row.as_dict() for row in rows]}
        for paper, table, rows in tables
    ]
    paths[1].write_text(json.dumps({"command": command, "tables": content}, indent=2) + "\n")
    with paths[2].open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["paper", "table", *HEADER])
        for paper, table, rows in tables:
            writer.writerows([paper.key, table.number, *cells(row)] for row in rows)
    paths[3].write_text(page(tables, command=command))
    return paths
