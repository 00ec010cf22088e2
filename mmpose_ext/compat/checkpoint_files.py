"""Checkpoints that survive a kill and a full disk while MMEngine writes them.

Breakage: MMEngine writes ``epoch_2.pth`` in place, and with ``save_best`` a second time, when ``last_checkpoint``
names it already: a process that dies then leaves half a file, and ``--resume`` ends in an error. It removes the older
checkpoint and the best one before it has written their successors. It removes whatever the checkpoint names as the
best one that it resumed from, anywhere on the disk. No report upstream was found.

Fix: files are written beside their place and renamed. What is to be removed goes when the new checkpoint is there,
and only if it lies in the folder of the checkpoints. If ``last_checkpoint`` is missing or names no file, the newest
checkpoint of the folder is resumed from. An error of a checkpoint that does not fit has its name.
"""

from __future__ import annotations

import functools
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from mmpose_ext.atomic import atomic_write
from mmpose_ext.compat._imports import when_imported

__all__ = ["install"]

_STEP = re.compile(r"(?:epoch|iter)_(\d+)\.pth")


def _patch_backend(module: ModuleType) -> None:
    """Let ``LocalBackend`` write files that appear as a whole."""
    backend = module.LocalBackend
    if hasattr(backend.put, "__wrapped__"):  # done before
        return

    @functools.wraps(backend.put)
    def put(self: Any, obj: bytes, filepath: str | Path) -> None:
        with atomic_write(filepath) as partial:
            partial.write_bytes(obj)

    @functools.wraps(backend.put_text)
    def put_text(self: Any, obj: str, filepath: str | Path, encoding: str = "utf-8") -> None:
        with atomic_write(filepath) as partial:
            partial.write_text(obj, encoding=encoding)

    backend.put, backend.put_text = put, put_text


class _Deferring:
    """A file backend that keeps what it is to remove, until the new files are there.

    Args:
        backend: The real one.
        folder: Where the checkpoints are; nothing else is removed.
    """

    def __init__(self, backend: Any, folder: str) -> None:
        self._backend, self._folder = backend, folder
        self._waiting: list[tuple[Callable[[str], None], str]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, path: str) -> None:
        """Remove a file later."""
        self._waiting.append((self._backend.remove, path))

    def rmtree(self, path: str) -> None:
        """Remove a folder later."""
        self._waiting.append((self._backend.rmtree, path))

    def finish(self, kept: set[str], warn: Callable[[str], None]) -> None:
        """Remove what is due.

        Args:
            kept: Files that have been written since.
            warn: Called with a sentence for each file that is none of this training.
        """
        for remove, path in self._waiting:
            if Path(path).absolute().parent != Path(self._folder).absolute():
                warn(f"{path} is named as an older checkpoint, but is not in {self._folder}: it stays")
            elif path not in kept:
                remove(path)


def _deferred(original: Callable[..., None]) -> Callable[..., None]:
    """A method of ``CheckpointHook`` that removes last."""

    @functools.wraps(original)
    def method(self: Any, runner: Any, *args: Any, **kwargs: Any) -> None:
        backend = self.file_backend
        if isinstance(backend, _Deferring):  # inside of the other method
            return original(self, runner, *args, **kwargs)
        self.file_backend = deferring = _Deferring(backend, self.out_dir)
        try:
            original(self, runner, *args, **kwargs)
        finally:
            self.file_backend = backend
        best = [getattr(self, "best_ckpt_path", None), *getattr(self, "best_ckpt_path_dict", {}).values()]
        deferring.finish({str(path) for path in [self.last_ckpt, *best] if path}, runner.logger.warning)

    return method


def _patch_hook(module: ModuleType) -> None:
    """Wrap the two methods of ``CheckpointHook`` that write and remove."""
    hook = module.CheckpointHook
    if not hasattr(hook._save_best_checkpoint, "__wrapped__"):
        hook._save_checkpoint_with_step = _deferred(hook._save_checkpoint_with_step)
        hook._save_best_checkpoint = _deferred(hook._save_best_checkpoint)


def _patch_search(module: ModuleType) -> None:
    """Wrap ``find_latest_checkpoint`` in a module that has it."""
    original = module.find_latest_checkpoint
    if hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    def find_latest_checkpoint(path: str) -> str | None:
        named = original(path)
        if named and Path(named).exists():
            return named
        steps = {int(match[1]): file for file in Path(path).glob("*.pth") if (match := _STEP.fullmatch(file.name))}
        return str(steps[max(steps)]) if steps else None

    vars(module)["find_latest_checkpoint"] = find_latest_checkpoint


def _patch_runner(module: ModuleType) -> None:
    """Let ``Runner`` name the checkpoint that it can't load or resume from."""
    runner = module.Runner
    _patch_search(module)
    if hasattr(runner.resume, "__wrapped__"):
        return
    runner.resume = _naming(runner.resume, "a checkpoint to resume this training from")
    runner.load_checkpoint = _naming(runner.load_checkpoint, "a checkpoint of this network")


def _naming(original: Callable[..., Any], expected: str) -> Callable[..., Any]:
    """A method of ``Runner`` whose errors name the file: it may be of another network, or lack what a training has."""

    @functools.wraps(original)
    def method(self: Any, filename: str, *args: Any, **kwargs: Any) -> Any:
        from mmpose_ext.errors import UnusableFile

        try:
            return original(self, filename, *args, **kwargs)
        except (UnusableFile, OSError, pickle.UnpicklingError):
            raise
        except Exception as error:
            reason = " ".join(str(error).split())[:300]
            raise UnusableFile(f"expected {expected}, got {filename} ({type(error).__name__}: {reason})") from error

    return method


def install() -> None:
    """Patch MMEngine, now or when its modules are imported."""
    when_imported("mmengine.fileio.backends.local_backend", _patch_backend)
    when_imported("mmengine.hooks.checkpoint_hook", _patch_hook)
    when_imported("mmengine.runner.checkpoint", _patch_search)
    when_imported("mmengine.runner.runner", _patch_runner)
