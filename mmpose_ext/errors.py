"""The error of a file that somebody else wrote, and when its traceback is wanted."""

from __future__ import annotations

import os

__all__ = ["TRACEBACK", "UnusableFile", "wants_traceback"]

TRACEBACK = "MMPOSE_EXT_TRACEBACK"
"""The environment variable that shows where an error was raised."""


class UnusableFile(ValueError):
    """A file that can't be used. The message is one line that names the file and the reason."""


def wants_traceback() -> bool:
    """Whether the environment asks for tracebacks."""
    return os.environ.get(TRACEBACK, "0") not in ("", "0")
