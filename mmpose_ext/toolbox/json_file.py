"""Reads a JSON file, or says in one line that names the file why it can't be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["read_json", "shown"]


def read_json(path: Path, *, expected: str = "a JSON file") -> Any:
    """Read a JSON file.

    Args:
        path: The file.
        expected: What it should be, for the message.

    Raises:
        ValueError: If it can't be read, is no JSON, is nested too deeply, or has a number of thousands of digits.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise ValueError(f"expected {expected}, got {path}: {error.strerror or error}") from error
    except RecursionError as error:
        raise ValueError(f"expected {expected}, got {path}: it is nested too deeply") from error
    except MemoryError as error:
        raise ValueError(f"expected {expected}, got {path}: it does not fit into memory") from error
    except ValueError as error:  # no UTF-8, no JSON, or a number longer than Python reads
        reason = str(error)
        reason = "it has a number of too many digits" if "digits" in reason else reason
        raise ValueError(f"expected {expected}, got {path}: {reason}") from error


def shown(value: Any) -> str:
    """A value of a JSON file for a message, in at most 80 characters.

    Args:
        value: The value.
    """
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested deeply, or a number that Python does not print
        text = f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."
