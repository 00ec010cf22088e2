"""Files and folders that appear when they are complete, or not at all.

Each writer has a partial file of its own beside the wanted one, so that several may write the same file at once: the
last one that finishes counts. The name of a partial file tells machine and process; what processes that are gone have
left is removed when a process first writes into a folder.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["atomic_folder", "atomic_write", "scratch_folder"]

_MARK = ".partial"
_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO}
_NAME = re.compile(rf"\..*\.(?P<machine>[0-9a-f]{{8}})-(?P<process>\d+)-[0-9a-f]{{8}}{_MARK}(\.\w+)?")
_SEEN: set[Path] = set()
"""Folders in which this process has looked for what others have left."""


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Write to a file beside the wanted one, then replace it; an error leaves what was there.

    Args:
        path: The wanted file. Its folder is made.

    Yields:
        The file to write, with the same suffix.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_left(path.parent)
    partial = path.with_name(_partial_name(path.stem, path.suffix))
    try:
        with _named(partial, path):
            yield partial
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Write into a folder beside the wanted one, then rename it; an error leaves nothing.

    Args:
        folder: The wanted folder, an absolute path; missing or empty.

    Yields:
        The empty folder to write to.

    Raises:
        ValueError: If the wanted folder holds something, at the beginning or at the end.
    """
    _require_empty(folder)
    with scratch_folder(folder.parent, folder.name) as partial, _named(partial, folder):
        yield partial
        _require_empty(folder)
        partial.replace(folder)  # takes the place of an empty folder


@contextmanager
def scratch_folder(parent: Path, name: str) -> Iterator[Path]:
    """A folder to fill and to rename, in the same file system as its place; gone afterwards unless it was renamed.

    Args:
        parent: Where it is made; made itself if missing.
        name: What it is for, a part of its name.

    Yields:
        The empty folder.
    """
    parent.mkdir(parents=True, exist_ok=True)
    _remove_left(parent)
    folder = parent / _partial_name(name, "")
    try:
        with _named(folder, parent):
            folder.mkdir()
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _named(partial: Path, path: Path) -> Iterator[None]:
    """Give an error of the disk the name of the wanted file: a write that fails has none, an open that of the other."""
    try:
        yield
    except OSError as error:
        if error.filename == str(partial) or (error.filename is None and error.errno in _FULL):
            error.filename = str(path)
        raise


def _require_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        kind = "which is not empty" if folder.is_dir() else "a file"
        raise ValueError(f"expected a missing or empty folder to write to, got {folder}, {kind}")


def _machine() -> str:
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def _partial_name(stem: str, suffix: str) -> str:
    return f".{stem[:180]}.{_machine()}-{os.getpid()}-{secrets.token_hex(4)}{_MARK}{suffix}"


def _remove_left(folder: Path) -> None:
    """Remove what processes of this machine that are gone have left; looks once into each folder."""
    folder = folder.resolve()
    if folder in _SEEN:
        return
    _SEEN.add(folder)
    for path in folder.iterdir():
        match = _NAME.fullmatch(path.name)
        if match is None or match["machine"] != _machine() or _is_running(int(match["process"])):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    if os.name == "nt":  # a signal 0 would end the process there
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
