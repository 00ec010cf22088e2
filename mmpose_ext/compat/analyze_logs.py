"""MMPose's ``tools/analysis_tools/analyze_logs.py`` reads every log that MMEngine writes.

Breakage: it drops each line without an ``epoch``. Those are all scores of validations, and all lines of a training that
is counted in iterations, which ends in ``IndexError``. The log of an epoch that was cut short makes ``cal_train_time``
end in ``ValueError``, as numpy 1.24 and later make no array of lists of unequal length. No report of it was found.

Fix: in a process whose main program is that tool, ``open`` hands it the lines that it is asked for, each with an epoch.
"""

from __future__ import annotations

import io
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from mmpose_ext.compat._tools import running_tool
from mmpose_ext.log_file import read_log

__all__ = ["install", "keys_of", "open_log", "select"]

DEFAULT_KEYS = ("loss_kpt",)
"""The tool's own, for ``plot_curve``."""


def keys_of(arguments: Sequence[str]) -> tuple[str, ...] | None:
    """What is to be plotted; None for ``cal_train_time``.

    Args:
        arguments: The tool's, without its name.
    """
    if "plot_curve" not in arguments:
        return None
    keys: list[str] = []
    reading = False
    for word in arguments:
        if word.startswith("--"):
            name, _, value = word.partition("=")
            reading = name == "--keys" and not value
            keys += [value] if name == "--keys" and value else []
        elif reading:
            keys.append(word)
    return tuple(keys) or DEFAULT_KEYS


def select(logs: Iterable[dict[str, Any]], keys: Sequence[str] | None) -> list[dict[str, Any]]:
    """The lines of a log that the tool needs, each with an epoch.

    Args:
        logs: All lines.
        keys: What is to be plotted; None for the times of the training.

    Returns:
        Lines that have all keys: of the training, if there are such, otherwise of the validations. For the times,
        without the epochs that are shorter than the others.

    Raises:
        ValueError: If no line has all keys; the message says which there are.
    """
    logs = list(logs)
    found = [log for log in logs if all(key in log for key in keys or ("time", "iter"))]
    if not found:
        known = ", ".join(dict.fromkeys(key for log in logs for key in log)) or "none"
        raise ValueError(f"expected --keys that stand together in a line ({known}), got {', '.join(keys or ['time'])}")
    found = [log for log in found if "iter" in log] or found
    found = [{"epoch": 1, **log} for log in found]
    if keys is None:
        lines = Counter(log["epoch"] for log in found)
        found = [log for log in found if lines[log["epoch"]] == max(lines.values())]
    return found


def open_log(path: str, mode: str = "r") -> io.StringIO:
    """What the tool gets for ``open(path)``.

    Args:
        path: A log in MMEngine's format, a JSON object in each line.
        mode: Of ``open``, without a meaning here.

    Raises:
        UnusableFile: If it can't be read.
        SystemExit: With one line if the log has nothing to show.
    """
    logs = read_log(path)
    try:
        chosen = select(logs, keys_of(sys.argv[1:]))
    except ValueError as error:
        raise SystemExit(f"{path}: {error}") from error
    return io.StringIO("".join(f"{json.dumps(log)}\n" for log in chosen))


def install() -> None:
    """Let the tool open logs by :func:`open_log`, if it is what runs."""
    if running_tool() == "analysis_tools/analyze_logs.py":
        vars(sys.modules["__main__"])["open"] = open_log
