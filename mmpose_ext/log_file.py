"""Reads the logs that MMEngine writes, or says in one line that names the file why it can't be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mmpose_ext.errors import UnusableFile

__all__ = ["read_log"]


def read_log(path: str | Path) -> list[dict[str, Any]]:
    """The lines of a log.

    Args:
        path: A file with a JSON object on each line.

    Raises:
        UnusableFile: If it can't be read, or is another file.
    """
    try:
        entries = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, RecursionError, ValueError) as error:  # not JSON, or not text
        raise UnusableFile(f"expected a log of MMEngine, JSON line by line, got {path} ({error})") from error
    if not all(isinstance(entry, dict) for entry in entries):
        raise UnusableFile(f"expected a log of MMEngine, one JSON object on each line, got {path}")
    return entries
