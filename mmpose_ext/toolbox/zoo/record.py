"""Writes measured results into the text of a metafile, whose comments and order stay."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

__all__ = ["insert_result", "result_lines"]

_ITEM, _KEYS = "      - ", "        "


def result_lines(entry: Mapping[str, Any]) -> list[str]:
    """An entry under ``Results`` as the metafiles write it.

    Args:
        entry: Its keys and values.
    """
    lines: list[str] = []
    for key, value in entry.items():
        text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else _scalar(value)
        lines.append(f"{_KEYS if lines else _ITEM}{key}: {text}")
    return lines


def _scalar(value: Any) -> str:
    text = str(value)
    try:
        plain = yaml.safe_load(f"key: {text}") == {"key": text}
    except yaml.YAMLError:
        plain = False
    return text if plain else json.dumps(text, ensure_ascii=False)


def insert_result(text: str, config: str, entry: Mapping[str, Any]) -> str:
    """Add an entry to the results of a config, in the place of one with its command, data, length and note.

    Args:
        text: Of a metafile.
        config: Path of the config, as in the metafile.
        entry: The entry.

    Raises:
        ValueError: If the metafile has no such config.
    """
    models = re.split(r"^(?=  - Name: |[A-Z]\w+:)", text, flags=re.MULTILINE)  # a model, or what follows them
    index = next((i for i, model in enumerate(models) if f"\n    Config: {config}\n" in model), None)
    if index is None:
        raise ValueError(f"expected a metafile with {config}")
    head, found, results = models[index].partition("    Results:\n")
    items = re.split(rf"^(?={_ITEM})", results, flags=re.MULTILINE)
    lines = result_lines(entry)
    same = {line.strip() for line in lines if re.match(r"\s+(Command|Dataset|Length|Note): ", line)}
    kept = [item for item in items if item and not same <= {line.strip() for line in item.splitlines()}]
    whole = [head if head.endswith("\n") else f"{head}\n", "    Results:\n", *kept, "\n".join(lines), "\n"]
    models[index] = "".join(whole)
    return "".join(models)
