"""Markdown tables of published and measured numbers, generated from ``metafile.yml`` into the READMEs.

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
        Published:                                      # * what the paper prints, as it prints it; absent if nothing
          Source: Table 2
          Parameters: 1.3M
          FLOPs: 194.4M
          Counts Differ: It leaves out the tokens.      # why one of the two is not ours; only where it is not
          Dataset: COCO val2017
          Metrics: {AP: 65.1, AP50: 86.7}
        Results:                                        # what was measured with this code; absent if nothing
          - Task: Body 2D Keypoint
            Dataset: LSPET val
            Metrics: {PCK@0.2: 81.2}
            Hardware: 2 cores of a Xeon                 # *
            Time: 41 min                                # * as Seed, Date and Note not required
            Command: mim train mmpose configs/...       # *

A README holds a table between two lines, ``<!-- begin generated: NAME -->`` and ``<!-- end generated -->``, with NAME
``models`` or ``results`` in the README of a paper's folder and ``papers`` in the one of the repository.

Deviations: none (no paper).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from mmpose_ext.toolbox.counting.rules import RULES

__all__ = [
    "counts_agree",
    "load_metafile",
    "markdown_table",
    "models_table",
    "paper_name",
    "papers_table",
    "replace_tables",
    "results_table",
    "update_files",
    "update_readmes",
]

NOT_MEASURED = "not measured"
_BLOCK = re.compile(r"(<!-- begin generated: (?P<name>\w+) -->\n).*?(<!-- end generated -->)", re.DOTALL)
_KEYS = {
    "model": ({"Name", "In Collection", "Config", "Metadata"}, {"Alias", "Published", "Results", "Weights"}),
    "Metadata": ({"Training Data", "Parameters", "FLOPs", "FLOPs Rule", "MACs"}, {"Architecture"}),
    "Published": ({"Source"}, {"Parameters", "FLOPs", "Counts Differ", "Dataset", "Metrics"}),
    "Results": ({"Task", "Dataset", "Metrics", "Hardware", "Command"}, {"Time", "Date", "Seed", "Note"}),
}
"""Part of a metafile -> keys that it must have and keys that it may have."""


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table whose columns are aligned in the source as well.

    Args:
        header: Names of the columns; the first is set left, the others right.
        rows: Cells.
    """
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return "| " + " | ".join([first[0].ljust(first[1]), *(c.rjust(w) for c, w in others)]) + " |"

    rule = "|" + "|".join([":" + "-" * (widths[0] + 1), *("-" * (w + 1) + ":" for w in widths[1:])]) + "|"
    return "\n".join([line(header), rule, *map(line, rows)])


def load_metafile(path: Path) -> dict[str, Any]:
    """Read a metafile and check its keys.

    Args:
        path: ``metafile.yml`` of a paper.

    Raises:
        ValueError: If a key is missing or unknown, a name is not lower case, or a collection is not defined.
    """
    content = yaml.safe_load(path.read_text())
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
    return content


def _check_keys(path: Path, name: str, part: str, entry: Mapping[str, Any]) -> None:
    required, allowed = _KEYS[part]
    if required - entry.keys():
        raise ValueError(f"{path}: {name}: expected {sorted(required)} in {part}, got {sorted(entry)}")
    if entry.keys() - required - allowed:
        raise ValueError(f"{path}: {name}: expected only {sorted(required | allowed)} in {part}, got {sorted(entry)}")


def models_table(content: Mapping[str, Any]) -> str:
    """One row for each config of a paper; how a number was measured stands in :func:`results_table`.

    Args:
        content: What :func:`load_metafile` returned.
    """
    header = ["config", "input", "params, paper", "params", "FLOPs, paper", "FLOPs", "MACs", "paper", "measured"]
    rows: list[list[str]] = []
    for model in content["Models"]:
        metadata, published = model["Metadata"], model.get("Published", {})
        measured = [f"{_first_metric(result)} ({result['Dataset']})" for result in model.get("Results", [])]
        file = Path(model["Config"]).name
        rows.append(
            [
                f"[{_short(model)}]({file})",
                file.removesuffix(".py").rpartition("-")[2],
                published.get("Parameters", "-"),
                f"{metadata['Parameters'] / 1e6:.2f}M",
                published.get("FLOPs", "-"),
                _operations(metadata["FLOPs"], metadata["FLOPs Rule"]),
                _operations(metadata["MACs"], "macs"),
                f"{_first_metric(published)} ({published['Source']})" if "Metrics" in published else "-",
                ", ".join(measured) or NOT_MEASURED,
            ]
        )
    notes = [
        f"- {_short(model)}: {model['Published']['Counts Differ']}"
        for model in content["Models"]
        if "Counts Differ" in model.get("Published", {})
    ]
    return "\n\n".join(
        [markdown_table(header, rows), *(["Where counts differ:\n\n" + "\n".join(notes)] if notes else [])]
    )


def results_table(content: Mapping[str, Any]) -> str:
    """One row for each measured result of a paper, one column for each metric, and below it the commands.

    Args:
        content: What :func:`load_metafile` returned.
    """
    results = [(model, result) for model in content["Models"] for result in model.get("Results", [])]
    if not results:
        return f"Nothing yet: {NOT_MEASURED}."
    metrics = list(dict.fromkeys(name for _, result in results for name in result["Metrics"]))
    rows = []
    for model, result in results:
        cells = [f"[{_short(model)}]({Path(model['Config']).name})", result["Dataset"]]
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
        contents: Folder of a paper, relative to the README -> what :func:`load_metafile` returned.
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


def paper_name(collection: Mapping[str, Any]) -> str:
    """What a paper calls its network.

    Args:
        collection: An entry under ``Collections``.
    """
    return str(collection.get("Called", collection["Name"]))


def counts_agree(model: Mapping[str, Any]) -> bool:
    """Whether our parameters and FLOPs are the published ones, to the digit that the paper prints.

    Args:
        model: An entry of a metafile.
    """
    metadata, published = model["Metadata"], model.get("Published", {})
    ours = {
        "Parameters": metadata["Parameters"] / 10**6,
        "FLOPs": metadata["FLOPs"] / RULES[metadata["FLOPs Rule"]].unit,
    }
    return all(_prints_as(ours[key], published[key]) for key in ours if key in published)


def _prints_as(millions: float, text: str) -> bool:
    """Whether a number of millions is printed as, say, ``194.4M`` or ``0.54G``."""
    number, unit = text[:-1], {"M": 1, "G": 1000}[text[-1]]
    return f"{millions / unit:.{len(number.partition('.')[2])}f}" == number


def _short(model: Mapping[str, Any]) -> str:
    aliases = model.get("Alias") or model["Name"]
    return aliases if isinstance(aliases, str) else aliases[0]


def _operations(number: int, rule: str) -> str:
    """Operations in the "M" of their rule."""
    return f"{number / RULES[rule].unit:.1f}M"


def _first_metric(entry: Mapping[str, Any]) -> str:
    name, value = next(iter(entry["Metrics"].items()))
    return f"{name} {value}"


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
    base = root / "configs" / "body_2d_keypoint"
    contents = {path.parent: load_metafile(path) for path in sorted(base.glob("*/metafile.yml"))}
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
