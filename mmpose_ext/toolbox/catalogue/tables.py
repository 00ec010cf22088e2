"""Tables of published and measured numbers, generated from the metafiles into the READMEs.

A README holds a table between two lines, ``<!-- begin generated: NAME -->`` and ``<!-- end generated -->``, with NAME
``models`` or ``results`` in the README of a paper's folder and ``papers`` in the one of the repository.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmpose_ext.toolbox.catalogue.markdown import markdown_table
from mmpose_ext.toolbox.catalogue.metafile import (
    NOT_MEASURED,
    alias_of,
    first_metric,
    load_metafile,
    measured_on,
    metafiles,
    paper_name,
)
from mmpose_ext.toolbox.counting.rules import RULES

__all__ = [
    "counts_agree",
    "giga",
    "models_table",
    "papers_table",
    "replace_tables",
    "results_table",
    "update_files",
    "update_readmes",
]

_BLOCK = re.compile(r"(<!-- begin generated: (?P<name>\w+) -->\n).*?(<!-- end generated -->)", re.DOTALL)


def models_table(content: Mapping[str, Any]) -> str:
    """One row for each config of a paper; how a number was measured stands in :func:`results_table`.

    Args:
        content: What :func:`.load_metafile` returned.
    """
    header = ["config", "input", "params, paper", "params", "FLOPs, paper", "FLOPs", "MACs", "paper", "measured"]
    rows: list[list[str]] = []
    for model in content["Models"]:
        metadata, published = model["Metadata"], model.get("Published", {})
        measured = [f"{first_metric(result)} ({measured_on(result)})" for result in model.get("Results", [])]
        file = Path(model["Config"]).name
        rows.append(
            [
                f"[{alias_of(model)}]({file})",
                file.removesuffix(".py").rpartition("-")[2],
                published.get("Parameters", "-"),
                f"{metadata['Parameters'] / 1e6:.2f}M",
                published.get("FLOPs", "-"),
                _operations(metadata["FLOPs"], metadata["FLOPs Rule"]),
                _operations(metadata["MACs"], "macs"),
                f"{first_metric(published)} ({published['Source']})" if "Metrics" in published else "-",
                ", ".join(measured) or NOT_MEASURED,
            ]
        )
    notes = [
        f"- {alias_of(model)}: {model['Published']['Counts Differ']}"
        for model in content["Models"]
        if "Counts Differ" in model.get("Published", {})
    ]
    return "\n\n".join(
        [markdown_table(header, rows), *(["Where counts differ:\n\n" + "\n".join(notes)] if notes else [])]
    )


def results_table(content: Mapping[str, Any]) -> str:
    """One row for each measured result of a paper, one column for each metric, and below it the commands.

    Args:
        content: What :func:`.load_metafile` returned.
    """
    results = [(model, result) for model in content["Models"] for result in model.get("Results", [])]
    if not results:
        return f"Nothing yet: {NOT_MEASURED}."
    metrics = list(dict.fromkeys(name for _, result in results for name in result["Metrics"]))
    rows = []
    for model, result in results:
        cells = [f"[{alias_of(model)}]({Path(model['Config']).name})", measured_on(result)]
        cells += [str(result["Metrics"].get(name, "-")) for name in metrics]
        rows.append([*cells, *(str(result.get(key, "-")) for key in ("Hardware", "Time", "Seed", "Date"))])
    commands = [f"{i}. `{result['Command']}`" for i, (_, result) in enumerate(results, start=1)]
    notes = [f"{i}. {result['Note']}" for i, (_, result) in enumerate(results, start=1) if "Note" in result]
    parts = [markdown_table(["config", "data", *metrics, "hardware", "time", "seed", "date"], rows)]
    parts += ["Commands, row by row:\n\n" + "\n".join(commands)]
    parts += ["Notes:\n\n" + "\n".join(notes)] if notes else []
    return "\n\n".join(parts)


def papers_table(contents: Mapping[str, Mapping[str, Any]]) -> str:
    """One row for each paper.

    Args:
        contents: Folder of a paper, relative to the README -> what :func:`.load_metafile` returned.
    """
    rows = []
    for folder, content in contents.items():
        (collection,) = content["Collections"]
        models, paper = content["Models"], collection["Paper"]
        measured = sum(bool(model.get("Results")) for model in models)
        counted = [counts_agree(model) for model in models if "FLOPs" in model.get("Published", {})]
        cells = [f"[{paper_name(collection)}]({folder})", f"[{paper['Title']}]({paper['URL']})", str(len(models))]
        counts = f"{sum(counted)} of {len(counted)} rows" if counted else "none published"
        rows.append([*cells, counts, f"{measured} configs" if measured else NOT_MEASURED])
    return markdown_table(["name", "paper", "configs", "counts", "measured"], rows)


def counts_agree(model: Mapping[str, Any]) -> bool:
    """Whether our parameters and FLOPs are the published ones, to the digit that the paper prints.

    Args:
        model: An entry of a metafile.
    """
    metadata, published = model["Metadata"], model.get("Published", {})
    units = {"Parameters": 10**6, "FLOPs": RULES[metadata["FLOPs Rule"]].unit}
    return all(_prints_as(metadata[key], unit, published[key]) for key, unit in units.items() if key in published)


def _prints_as(number: int, unit: int, text: str) -> bool:
    """Whether a number is printed as, say, ``194.4M`` or ``0.54G``, with what one "M" is."""
    printed, one = text[:-1], {"M": unit, "G": giga(unit)}[text[-1]]
    return f"{number / one:.{len(printed.partition('.')[2])}f}" == printed


def giga(unit: int) -> int:
    """What one "G" is.

    Args:
        unit: What one "M" is, 10^6 or 2^20.
    """
    return 2**30 if unit == 2**20 else 1000 * unit


def _operations(number: int, rule: str) -> str:
    """Operations in the "M" of their rule."""
    return f"{number / RULES[rule].unit:.1f}M"


def replace_tables(text: str, tables: Mapping[str, str]) -> str:
    """Put tables between their markers.

    Args:
        text: A README.
        tables: Name in the marker -> table.

    Raises:
        ValueError: If a marker has a name without a table.
    """

    def fill(match: re.Match[str]) -> str:
        if match["name"] not in tables:
            raise ValueError(f"expected a table among {', '.join(tables)}, got {match['name']!r} in a marker")
        return f"{match[1]}\n{tables[match['name']]}\n\n{match[3]}"

    return _BLOCK.sub(fill, text)


def update_readmes(root: Path, *, check: bool = False) -> list[Path]:
    """Bring all generated tables up to date.

    Args:
        root: The checkout.
        check: Whether to leave the files alone and only find out which ones have to change.

    Returns:
        The files that changed, or would change.
    """
    contents = {path.parent: load_metafile(path) for path in metafiles(root / "configs").values()}
    papers = papers_table({folder.relative_to(root).as_posix(): content for folder, content in contents.items()})
    wanted = {
        folder / "README.md": {"models": models_table(content), "results": results_table(content)}
        for folder, content in contents.items()
    }
    wanted[root / "README.md"] = {"papers": papers}
    texts = {path: replace_tables(path.read_text(), tables) for path, tables in wanted.items()}
    return update_files(texts, check=check)


def update_files(texts: Mapping[Path, str], *, check: bool = False) -> list[Path]:
    """Write the generated files that are missing or have another text.

    Args:
        texts: File -> its text.
        check: Whether to leave the files alone and only find out which ones have to change.

    Returns:
        The files that changed, or would change.
    """
    changed = [path for path, text in texts.items() if not path.is_file() or path.read_text() != text]
    for path in [] if check else changed:
        path.write_text(texts[path])
    return changed
