"""What was measured with a checkpoint, and what it was trained on: from the log of its training, or from tests.

A result has the keys that it has in a ``metafile.yml``: Dataset, Metrics, Hardware, Command. The metrics are those that
the training logged, under their names there and not rounded to a paper's habits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmpose_ext.engine.report import read_start
from mmpose_ext.toolbox.publishing.weights import Source

__all__ = ["data_sets", "from_log", "from_tests"]

NOT_RECORDED = "not recorded"
_REQUIRED = {"Dataset", "Metrics", "Hardware", "Command", "Checkpoint"}
_STAMP = re.compile(r"\d{8}_\d{6}$")


def from_log(source: Source, config: Config, *, hardware: str | None = None) -> list[dict[str, Any]]:
    """The validation of exactly these weights in their training; empty if its log is not beside the checkpoint.

    Args:
        source: The checkpoint. Its name of the experiment ends in the name of the log's folder.
        config: Its config, which names the data.
        hardware: What it was measured on; None looks for it in the log.
    """
    stamp = _STAMP.search(str(source.meta.get("experiment_name") or ""))
    if stamp is None or not source.validated:
        return []
    folder = source.path.parent / stamp[0]
    scalars = folder / "vis_data" / "scalars.json"
    if not scalars.is_file():
        return []
    try:
        curves = read_start(scalars)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"expected the scalars of a training in {scalars} ({error!r})") from error
    unit = "epoch" if curves.unit == "epoch" else "iter"
    metrics = [_scores(entry) for entry in curves.val if entry["step"] == source.meta.get(unit)]
    if not metrics or not metrics[-1]:
        return []
    when = f"{'epoch' if unit == 'epoch' else 'iteration'} {source.meta[unit]}"
    return [
        {
            "Dataset": ", ".join(data_sets(config.get("val_dataloader"))) or NOT_RECORDED,
            "Metrics": metrics[-1],
            "Hardware": hardware or _hardware(folder),
            "Command": f"validation in the training, after {when}",
        }
    ]


def _scores(entry: Mapping[str, Any]) -> dict[str, float]:
    names = (name for name in entry if "/" in name)  # what a metric reports has its prefix; times have none
    return {name: round(float(entry[name]), 6) for name in names if isinstance(entry[name], int | float)}


def _hardware(folder: Path) -> str:
    """The devices that MMEngine listed at the head of the log."""
    text = "".join(path.read_text(errors="replace")[:20_000] for path in sorted(folder.glob("*.log"))[:1])
    devices = re.findall(r"^\s*GPU [\d,]+: (.+)$", text, re.M)
    if devices:
        return ", ".join(devices)
    return "CPU" if re.search(r"CUDA available: False", text) else NOT_RECORDED


def from_tests(paths: Sequence[Path], source: Source) -> list[dict[str, Any]]:
    """Results that ``mmpose-ext reproduce`` has kept, each measured with this very checkpoint.

    Args:
        paths: Files below ``results`` in the output folder of the command.
        source: The checkpoint.

    Raises:
        ValueError: If a file holds no result, or one of another checkpoint or of other weights of it.
    """
    results = []
    for path in paths:
        try:
            result = json.loads(path.read_text())
        except (OSError, ValueError, RecursionError) as error:
            raise ValueError(f"expected a result of mmpose-ext reproduce, got {path}: {error}") from error
        if not isinstance(result, dict) or _REQUIRED - result.keys() or not isinstance(result["Metrics"], dict):
            raise ValueError(f"expected a result with {', '.join(sorted(_REQUIRED))}, got {path}")
        if result["Checkpoint"] != source.sha256:
            other = str(result["Checkpoint"])[:12]
            raise ValueError(f"expected a result of the checkpoint {source.sha256[:12]} in {path}, got {other}")
        if not source.validated:
            raise ValueError(f"expected results of the plain weights; {path} was measured with the moving average")
        results.append(result)
    return results


def data_sets(loader: Any) -> list[str]:
    """Annotation files that a data loader of a config reads, with the class that reads them.

    Args:
        loader: ``train_dataloader`` or the like; None gives none.
    """
    return list(dict.fromkeys(_data_sets((loader or {}).get("dataset"))))


def _data_sets(node: Any) -> Iterator[str]:
    if isinstance(node, list | tuple):
        for item in node:
            yield from _data_sets(item)
    elif isinstance(node, Mapping):
        inner = [node[key] for key in ("dataset", "datasets") if key in node]
        if inner:
            yield from _data_sets(inner)
            return
        indices = node.get("indices")
        some = f"the first {indices} of " if isinstance(indices, int) else "some of " if indices else ""
        file = Path(node.get("ann_file") or "").name
        yield some + (f"{file} ({node.get('type')})" if file else str(node.get("type")))
