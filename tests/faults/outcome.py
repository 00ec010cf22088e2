"""How an attack ends, and the process that it runs in.

An attack is a child that is forked from this process, in which everything heavy is imported already: it has its own
signals, limits, streams and end, and costs no start.
"""

from __future__ import annotations

import ctypes
import enum
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

__all__ = ["Attempt", "Ending", "Outcome", "classify", "run_child"]


class Outcome(enum.Enum):
    """One of these for each attempt."""

    USED = "used"
    """The file is good enough, and the command did its work; or what was interrupted is whole."""
    CLEAR_ERROR = "clear error"
    """A status other than 0, and a line on stderr that names file and reason."""
    SILENT = "silent"
    """The file can't be used, and the command did not say so, or not which file."""
    TRACEBACK = "traceback"
    """A traceback, or the end of the process by a signal that nobody sent."""
    EXECUTED = "executed"
    """Code from a file was run."""
    LOST = "lost"
    """Something that was there is gone or damaged, or half a file stands in its place."""


class Attempt(NamedTuple):
    """One attack."""

    command: str
    name: str
    outcome: Outcome
    said: str
    """The end of what was printed, for a failed test."""


class Ending(NamedTuple):
    """How a child ended."""

    status: int
    """Exit status; negative for a signal."""
    out: str
    err: str


def run_child(
    action: Callable[[], object],
    *,
    folder: Path,
    prepare: Callable[[], object] = lambda: None,
    finish: Callable[[], object] = lambda: None,
    timeout: float = 300,
) -> Ending:
    """Run a function as if it were the main program of a process of its own.

    Args:
        action: The program; what it returns is the exit status, and what it raises goes to ``sys.excepthook``.
        folder: Working directory.
        prepare: Called in the child before, e.g. to set limits.
        finish: Called in the child after, unless it was killed.
        timeout: Seconds until it is killed, which counts as status -9.
    """
    with TemporaryDirectory() as streams:
        names = [Path(streams, name) for name in ("out", "err")]
        process = os.fork()
        if process == 0:
            _become_program(action, folder, names, prepare, finish)
        status = _wait(process, timeout)
        out, err = (name.read_text(errors="replace") if name.exists() else "" for name in names)
        return Ending(status, out, err)


def _become_program(
    action: Callable[[], object],
    folder: Path,
    streams: list[Path],
    prepare: Callable[[], object],
    finish: Callable[[], object],
) -> None:
    """Never returns."""
    code = 1
    try:
        os.setsid()
        for number, name in ((0, Path(os.devnull)), (1, streams[0]), (2, streams[1])):
            os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_APPEND), number)
        sys.stdout = open(1, "w", buffering=1, closefd=False)
        sys.stderr = open(2, "w", buffering=1, closefd=False, errors="backslashreplace")  # as Python's own
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(folder)
        prepare()
        try:
            code = int(action() or 0)
        except SystemExit as error:
            if isinstance(error.code, str):
                sys.stderr.write(f"{error.code}\n")
            code = error.code if isinstance(error.code, int) else int(error.code is not None)
        except BaseException as error:
            sys.excepthook(type(error), error, error.__traceback__)
            code = 130 if isinstance(error, KeyboardInterrupt) else 1
        finish()
    except BaseException as error:
        os.write(2, f"{type(error).__name__} after the end: {error}\n".encode())
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                pass
        ctypes.CDLL(None).fflush(None)
        os._exit(code)


def _wait(process: int, timeout: float) -> int:
    limit = time.monotonic() + timeout
    pause = 0.002
    while True:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            break
        if time.monotonic() > limit:
            os.kill(process, signal.SIGKILL)
        time.sleep(pause)
        pause = min(0.05, 1.5 * pause)
    try:
        os.killpg(process, signal.SIGKILL)  # workers that it has left
    except (ProcessLookupError, PermissionError):
        pass
    return os.waitstatus_to_exitcode(status)


_NOISE = re.compile(r"Exception ignored in.*?(?=\n\S|\Z)", re.DOTALL)
"""What Python prints of an interrupt that comes while an object is removed; the program goes on."""


def classify(
    ending: Ending,
    *,
    names: Iterable[str] = (),
    marker: Path | None = None,
    lost: Iterable[str] = (),
    may_be_used: bool = False,
    killed: bool = False,
) -> tuple[Outcome, str]:
    """Name the outcome.

    Args:
        ending: Of the child.
        names: Files of which an error has to name one; none if no file is to blame.
        marker: The file that a payload would make.
        lost: What is gone or damaged, in words.
        may_be_used: Whether it is right that the command does its work.
        killed: Whether the child was to die by a signal.

    Returns:
        The outcome, and what was printed.
    """
    said = f"status {ending.status}\n{ending.out[-1500:]}\n{ending.err[-3000:]}"
    if marker is not None and marker.exists():
        return Outcome.EXECUTED, said
    if lost := list(lost):
        return Outcome.LOST, "; ".join(lost) + "\n" + said
    if "Traceback (most recent call last)" in _NOISE.sub("", ending.err):
        return Outcome.TRACEBACK, said
    if ending.status < 0:
        return (Outcome.USED if killed else Outcome.TRACEBACK), said
    if ending.status == 0:
        return (Outcome.USED if may_be_used else Outcome.SILENT), said
    names, lines = list(names), [line for line in ending.err.splitlines() if line.strip()]
    report = ending.out if lines and "nothing written" in lines[-1] else ""  # init-dataset lists what is wrong
    named = not names or any(name in line for name in names for line in [*lines, *report.splitlines()])
    return (Outcome.CLEAR_ERROR if lines and named else Outcome.SILENT), said
