"""Lets mim find a package that is installed where it does not look.

Breakage: onedl-mim 0.5.1 takes the folder of a distribution's metadata for that of its module, so that ``mim train
mmpose`` ends in ``can't open file '.../mmpose-1.3.2.dist-info/tools/train.py'``. No report of it was found.

Fix: where the folder that mim found has neither ``.mim`` nor ``tools`` nor ``configs``, the folder of the module that
has the name of the package takes its place, if that has them.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from types import ModuleType

from mmpose_ext.compat._imports import when_imported

__all__ = ["install"]

FOLDERS = (".mim", "tools", "configs")
"""What mim looks for in a package."""
_PATCHED = "_mmpose_ext_patched"


def _holds_files(folder: Path) -> bool:
    return any((folder / name).exists() for name in FOLDERS)


def _patch(module: ModuleType) -> None:
    """Look into the module where ``get_installed_path`` leads nowhere."""
    original = module.get_installed_path
    if _PATCHED in vars(original):
        return

    @functools.wraps(original)
    def get_installed_path(package: str) -> str:
        found = original(package)
        if _holds_files(Path(found)):
            return found
        spec = importlib.util.find_spec(package.replace("-", "_"))
        folders = [Path(folder) for folder in (spec and spec.submodule_search_locations) or []]
        return next((str(folder) for folder in folders if _holds_files(folder)), found)

    setattr(get_installed_path, _PATCHED, True)
    vars(module)["get_installed_path"] = get_installed_path


def install() -> None:
    """Guard mim's look-up from now on."""
    when_imported("mim.utils.utils", _patch)
