"""What every command does with an error: one line on stderr, ``mmpose-ext VERB: message``, and the status.

2 for what a user or a file causes, 130 after Control-C, 141 when the reader of the output has gone (``... | head``),
which is quiet. Any other exception is a fault of this package and shows its traceback. With the environment variable
``MMPOSE_EXT_TRACEBACK=1`` every error does.
"""

from __future__ import annotations

import io
import os
import select
import sys
from collections.abc import Callable

from mmpose_ext.errors import TRACEBACK, wants_traceback

__all__ = ["INTERRUPTED", "PIPE_CLOSED", "TRACEBACK", "USER_ERROR", "run_command"]

USER_ERROR, INTERRUPTED, PIPE_CLOSED = 2, 130, 141
_ERRORS = (ValueError, OSError, ImportError, OverflowError, RecursionError, MemoryError)
_BARE = {RecursionError: "something is nested too deeply", MemoryError: "there is not enough memory"}
"""Errors whose own text says little."""


def run_command(name: str | None, run: Callable[[], int | None]) -> int:
    """Run a command and turn what goes wrong into one line and a status.

    Args:
        name: The verb, e.g. ``infer``; None before it is known.
        run: The command.

    Returns:
        The exit status.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files may hold what the terminal's encoding lacks
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = int(run() or 0)
        sys.stdout.flush()
        return status
    except BrokenPipeError as error:
        return PIPE_CLOSED if _output_is_closed() else _report(name, error)
    except KeyboardInterrupt as error:
        _write(name, str(error) or "stopped")
        return INTERRUPTED
    except _ERRORS as error:
        return _report(name, error)
    except AttributeError as error:
        # argparse restores what it has not saved yet when Control-C meets its parser of options between names.
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        _write(name, "stopped")
        return INTERRUPTED


def _report(name: str | None, error: Exception) -> int:
    if wants_traceback():
        raise error
    text = next((f"{words} ({error})" for kind, words in _BARE.items() if isinstance(error, kind)), str(error))
    if isinstance(error, OSError) and error.strerror and error.filename:
        text = f"{error.filename}: {error.strerror}"
    _write(name, " ".join(text.split()) or type(error).__name__)
    return USER_ERROR


def _write(name: str | None, text: str) -> None:
    sys.stderr.write(f"mmpose-ext{f' {name}' if name else ''}: {text}\n")


def _output_is_closed() -> bool:
    """Whether nobody reads stdout any more; it is led to nowhere then, so that Python's exit is quiet too."""
    try:
        number = sys.stdout.fileno()
    except (OSError, ValueError):  # no file of the system
        return False
    if hasattr(select, "poll"):  # Windows has none
        watch = select.poll()
        watch.register(number, 0)
        if not any(event & select.POLLERR for _, event in watch.poll(0)):
            return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    return True
