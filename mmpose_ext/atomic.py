"""Files and folders that appear when they are complete, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["atomic_folder", "atomic_write"]


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Write to a file beside the wanted one, then replace it; an error leaves what was there.

    Args:
        path: The wanted file. Its folder is made.

    Yields:
        The file to write, with the same suffix. A remainder of a killed process is removed first.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    partial.unlink(missing_ok=True)
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Write into a folder beside the wanted one, then rename it; an error leaves nothing.

    Args:
        folder: The wanted folder, an absolute path; missing or empty. A remainder of a killed process is removed first.

    Yields:
        The empty folder to write to.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
