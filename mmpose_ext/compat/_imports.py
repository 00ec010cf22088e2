"""Import hooks: supply a module that is missing, or act around the import of one that isn't."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

__all__ = ["Fallback", "around_import", "when_imported"]

Execute = Callable[[ModuleType], None]


class Fallback(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Supplies one module, if nothing else does: it stands last among the finders.

    Args:
        name: The full name of the module.
        origin: The value of ``__spec__.origin``, so that a reader of a traceback knows where it comes from.
        fill: Called with the new module, which it fills.
        is_package: Whether the module is a package, so that there may be modules in it.
    """

    def __init__(self, name: str, origin: str, fill: Execute, *, is_package: bool = False) -> None:
        self.name = name
        self.origin = origin
        self.fill = fill
        self.is_package = is_package

    def install(self) -> None:
        """Append this finder, unless there is one for the same module."""
        if not any(isinstance(finder, Fallback) and finder.name == self.name for finder in sys.meta_path):
            sys.meta_path.append(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of the module, or None if another one is asked for."""
        if fullname != self.name:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin=self.origin, is_package=self.is_package)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """Leave the creation of the module to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module."""
        self.fill(module)


class _Around(importlib.abc.MetaPathFinder):
    """Finds one module as usual, but hands its execution to ``run``."""

    def __init__(self, name: str, run: Callable[[Execute, ModuleType], None], owner: Callable[..., Any]) -> None:
        self.name = name
        self.run = run
        self.owner = owner

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The ordinary spec with its loader wrapped, or None if another module is asked for."""
        if fullname != self.name:
            return None
        position = sys.meta_path.index(self)
        sys.meta_path.remove(self)  # out of the way of the look-up in the next line
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            sys.meta_path.insert(position, self)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module
            spec.loader.exec_module = lambda module: self.run(execute, module)  # type: ignore[method-assign]
        return spec


def around_import(
    name: str, run: Callable[[Execute, ModuleType], None], *, owner: Callable[..., Any] | None = None
) -> None:
    """Let ``run`` execute a module when it is imported; too late, and so without effect, if that has happened.

    Several may wait for the same module, each once.

    Args:
        name: The full name of the module. Neither it nor the package around it needs to exist.
        run: Called with the function that executes the module as usual, and the module.
        owner: Who asks, ``run`` itself if None: a second call for the same owner does nothing.
    """
    owner = owner or run
    waiting = {(finder.name, finder.owner) for finder in sys.meta_path if isinstance(finder, _Around)}
    if name not in sys.modules and (name, owner) not in waiting:
        sys.meta_path.insert(0, _Around(name, run, owner))


def when_imported(name: str, callback: Execute) -> None:
    """Call back with a module: at once if it is imported, else right after its import.

    Args:
        name: The full name of the module. Neither it nor the package around it needs to exist.
        callback: Called with the module; may be called again with the same one.
    """
    if (module := sys.modules.get(name)) is not None:
        callback(module)
        return

    def run(execute: Execute, module: ModuleType) -> None:
        execute(module)
        callback(module)

    around_import(name, run, owner=callback)
