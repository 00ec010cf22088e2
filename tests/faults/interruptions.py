"""Ways to stop a process while it writes: at each step on the disk, in the middle of a file, at any moment.

Each function prepares a child of :func:`.outcome.run_child`. A step is an event of Python's audit hooks: a file opened
for writing, renamed or removed, or a folder made or removed, inside of one folder.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Interruption", "Steps", "at_moment", "at_step", "full_disk", "in_file", "read_only", "without_privileges"]

_OTHERS = ("os.rename", "os.mkdir", "os.remove", "os.rmdir")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Interruption(NamedTuple):
    """One way to stop a process."""

    name: str
    prepare: Callable[[Path], None]
    """Called in the child with the folder that is watched."""
    kills: bool = False
    """Whether the child dies without a word."""
    folder: Callable[[Path], None] = lambda folder: None
    """Called in this process before, with the folder."""
    restore: Callable[[Path], None] = lambda folder: None
    """Called in this process after."""
    finish: Callable[[Path], None] = lambda folder: None
    """Called in the child after."""


def _is_write(event: str, arguments: tuple[Any, ...], folder: str) -> str | None:
    """The path of a step inside of the folder."""
    if event == "open":
        path, mode, flags = arguments
        writes = any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool(flags & _WRITING)
        if not writes or isinstance(path, int):
            return None
    elif event in _OTHERS:
        path = arguments[0]
    else:
        return None
    try:
        path = os.path.abspath(os.fsdecode(path))
    except TypeError:
        return None
    return path if path.startswith(folder) else None


def _watch(folder: Path, act: Callable[[int, str, str], None]) -> None:
    """Call a function with number, event and path of each step from now on."""
    number, root = 0, str(folder.resolve())

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal number
        path = _is_write(event, arguments, root)
        if path is not None:
            number += 1
            act(number, event, path)

    sys.addaudithook(hook)


class Steps:
    """Counts the steps of a child.

    Args:
        file: Where the child leaves the number.
    """

    def __init__(self, file: Path) -> None:
        self.file, self._seen = file, 0

    def prepare(self, folder: Path) -> None:
        """Begin, in the child."""

        def count(number: int, event: str, path: str) -> None:
            self._seen = number

        _watch(folder, count)

    def finish(self) -> None:
        """End, in the child."""
        self.file.write_text(str(self._seen))

    def number(self) -> int:
        """What the child has counted."""
        return int(self.file.read_text())


def at_step(number: int, *, kill: bool) -> Interruption:
    """SIGKILL or Control-C at one step, before it is done.

    Args:
        number: Of the step, from 1.
        kill: Whether it is SIGKILL.
    """

    def act(now: int, event: str, path: str) -> None:
        if now == number:
            if kill:
                os.kill(os.getpid(), signal.SIGKILL)
            raise KeyboardInterrupt

    what = "kill -9" if kill else "Control-C"
    return Interruption(f"{what} at step {number}", lambda folder: _watch(folder, act), kills=kill)


def at_moment(seconds: float, *, kill: bool) -> Interruption:
    """The same after some CPU time, whatever the process does then.

    Args:
        seconds: Of CPU time.
        kill: Whether it is SIGKILL.
    """

    def prepare(folder: Path) -> None:
        handler = (lambda *_: os.kill(os.getpid(), signal.SIGKILL)) if kill else signal.default_int_handler
        signal.signal(signal.SIGPROF, handler)
        signal.setitimer(signal.ITIMER_PROF, seconds)

    return Interruption(f"{'kill -9' if kill else 'Control-C'} after {seconds:.2f} s", prepare, kills=kill)


def in_file(size: int, *, kill: bool) -> Interruption:
    """No file grows beyond a size: the process dies in the middle of a write, or is told that there is no space.

    Args:
        size: Bytes.
        kill: Whether it dies.
    """

    def prepare(folder: Path) -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL if kill else signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    def finish(folder: Path) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    what = "kill in the middle of a file" if kill else "no space in the middle of a file"
    return Interruption(f"{what}, byte {size}", prepare, kills=kill)


def read_only(number: int = 1) -> Interruption:
    """The file system takes nothing from a step on: the words of a full disk from the second on.

    Args:
        number: Of the step, from 1.
    """
    code = errno.EROFS if number == 1 else errno.ENOSPC

    def act(now: int, event: str, path: str) -> None:
        if now >= number and (event in ("open", "os.mkdir") or code == errno.EROFS):
            raise OSError(code, os.strerror(code), path)

    name = "read-only file system" if number == 1 else f"no space from step {number} on"
    return Interruption(name, lambda folder: _watch(folder, act))


def without_privileges() -> Interruption:
    """A folder that may not be written to; root gives up its privileges in the child for that."""

    def prepare(folder: Path) -> None:
        if os.geteuid() == 0:
            header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
            if ctypes.CDLL(None, use_errno=True).capset(header, sets) != 0:
                raise OSError(ctypes.get_errno(), "capset")

    def close(folder: Path) -> None:
        for path in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
            path.chmod(0o555)

    def reopen(folder: Path) -> None:
        for path in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
            path.chmod(0o755)

    return Interruption("folder without permission", prepare, folder=close, restore=reopen)


def can_mount() -> bool:
    """Whether a process may mount a file system of its own here."""
    command = ["unshare", "--mount", *(["--user", "--map-root-user"] if os.geteuid() else [])]
    try:
        return subprocess.run([*command, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode == 0
    except OSError:
        return False


def full_disk(size: int) -> Interruption:
    """A disk of some size, on which the folder lies with what was in it; what it holds in the end comes back.

    Args:
        size: Bytes beyond what is in the folder already; rounded to pages.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def prepare(folder: Path) -> None:
        user, group = os.geteuid(), os.getegid()
        spaces = 0x00020000 | (0x10000000 if user else 0)  # of mounts, and of users
        if libc.unshare(spaces) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        if user:
            for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
                Path("/proc/self", name).write_text(text)
        libc.mount(b"none", b"/", None, 0x4000 | 0x40000, None)  # what is mounted here stays here
        kept = folder.with_name(folder.name + ".kept")
        shutil.copytree(folder, kept)
        pages = -(-size // 4096) + 2 * sum(-(-path.stat().st_size // 4096) + 1 for path in kept.rglob("*"))
        if libc.mount(b"none", str(folder).encode(), b"tmpfs", 0, f"size={4096 * pages}".encode()) != 0:
            raise OSError(ctypes.get_errno(), "mount")
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        used = sum(-(-path.stat().st_size // 4096) for path in folder.rglob("*") if path.is_file())
        filled = os.statvfs(folder).f_bavail - -(-size // 4096)
        if filled > 0:
            (folder / ".filled").write_bytes(b"\0" * 4096 * filled)
        assert used >= 0
        shutil.rmtree(kept)

    def finish(folder: Path) -> None:
        shutil.copytree(folder, folder.with_name(folder.name + ".after"), symlinks=True)

    def restore(folder: Path) -> None:
        after = folder.with_name(folder.name + ".after")
        if after.exists():
            shutil.rmtree(folder)
            after.rename(folder)
            (folder / ".filled").unlink(missing_ok=True)

    return Interruption(f"full disk, {size} bytes left", prepare, restore=restore, finish=finish)
