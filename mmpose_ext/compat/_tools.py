"""Which of MMPose's tools is the main program of this process."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["TOOLS", "running_tool"]

TOOLS = ("train.py", "test.py", "analysis_tools/analyze_logs.py", "misc/publish_model.py")
"""The tools that something here looks after, below MMPose's folder ``tools``."""


def running_tool() -> str | None:
    """The one of :data:`TOOLS` that runs, whichever copy of MMPose it is of; None for every other program."""
    parts = Path(sys.argv[0]).absolute().parts if getattr(sys, "argv", None) else ()
    for tool in TOOLS:
        path = ("tools", *tool.split("/"))
        if parts[-len(path) :] == path:
            return tool
    return None
