"""``mim train`` and ``mim test`` say in one line what is wrong with a file.

Gap: MMPose's tools end every error with the traceback of some forty calls. For a broken image, a refused checkpoint,
a full disk or Control-C that hides the one line that matters.

Fix: in a process whose main program is a ``tools/train.py`` or ``tools/test.py`` (or another of
:data:`~mmpose_ext.compat._tools.TOOLS`), such errors are one line on stderr; ``MMPOSE_EXT_TRACEBACK=1`` shows the
traceback. Every other error keeps it, as it may be a fault of the program. mim
itself adds that its command failed.
"""

from __future__ import annotations

import logging
import pickle
import re
import sys
from types import TracebackType

from mmpose_ext.compat._tools import running_tool
from mmpose_ext.errors import UnusableFile, wants_traceback

__all__ = ["install", "line_of"]


def line_of(error: BaseException) -> str | None:
    """One line for an error that a file, a disk or a user causes; None for any other.

    Args:
        error: What ended the program.
    """
    if isinstance(error, KeyboardInterrupt):
        return "stopped"
    if not isinstance(error, UnusableFile | pickle.UnpicklingError | OSError):
        return None
    text = str(error)
    if text.startswith("Caught "):  # in a worker of a data loader, whose traceback is part of the text
        text = re.split(r"\n[\w.]+: ", text)[-1]
    elif isinstance(error, OSError) and error.strerror and error.filename:
        text = f"{error.filename}: {error.strerror}"
    return " ".join(text.split())


def _tool() -> str | None:
    """Name of the tool that runs, as in ``tools/test.py``."""
    tool = running_tool()
    return tool and f"tools/{tool}"


def _quiet_log() -> None:
    """Let a log that can't be written, as on a full disk, say so once: logging prints a traceback for each line."""
    original = logging.Handler.handleError
    said: set[str] = set()

    def handle_error(self: logging.Handler, record: logging.LogRecord) -> None:
        error, tool = sys.exc_info()[1], _tool()
        if tool is None or wants_traceback() or not isinstance(error, OSError):
            return original(self, record)
        name = getattr(self, "baseFilename", "the log")
        if name not in said:
            said.add(name)
            sys.stderr.write(f"{tool}: {name}: {error.strerror or error}\n")

    logging.Handler.handleError = handle_error  # type: ignore[method-assign]


def install() -> None:
    """Put a hook around what Python does with an error that nobody handles, and with one in a log."""
    original = sys.excepthook
    if getattr(original, "of_mmpose_ext", False):
        return

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        tool = _tool()
        line = None if tool is None or wants_traceback() else line_of(error)
        if line is None:
            original(kind, error, trace)
        else:
            sys.stderr.write(f"{tool}: {line}\n")

    _quiet_log()
    hook.of_mmpose_ext = True  # type: ignore[attr-defined]
    sys.excepthook = hook
