"""From a name on the command line to the file of a config, without importing MMPose.

A name is one of

* a path of a config file,
* ``mmpose::...`` or ``mmpose_ext::...`` with a path below that package's ``configs``,
* the base name or an alias of a config of this package, or the base name of one of MMPose's.
"""

from __future__ import annotations

import difflib
import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mmpose_ext.toolbox.catalogue.metafile import config_folder, entries

if TYPE_CHECKING:
    from mmengine.config import Config

__all__ = ["FUNCTION", "config_aliases", "find_config", "is_function", "read_config", "reason_of", "scoped_name"]

FUNCTION = re.compile(r"(?P<module>[\w./~-]+):(?P<function>\w+)")
"""How a network is named that a function returns."""
PACKAGES = ("mmpose_ext", "mmpose")
_UNREGISTERED = re.compile(r"['\"]?((?P<package>\w+)\.[\w.]+) is not in the \S+ registry")


def find_config(name: str) -> Path:
    """Find the file of a config.

    Args:
        name: A path, ``package::path``, base name or alias.

    Raises:
        ValueError: If there is no such config; the message has the nearest names.
    """
    if "::" in name:
        return _inside_package(*name.split("::", 1))
    path = Path(name).expanduser()
    if path.is_file():
        return path
    if path.suffix == "" and path.parent == Path():
        for known in (config_aliases(), *map(_by_base_name, PACKAGES)):
            if name in known:
                return known[name]
    raise ValueError(f"expected a config file, a base name or an alias, got {name!r}{_nearest(name)}")


def read_config(path: Path) -> Config:
    """Run the file of a config of a model.

    Args:
        path: The file.

    Raises:
        ValueError: If it can't be run, or has no ``model``.
    """
    from mmengine.config import Config

    try:
        config = Config.fromfile(path)
    except Exception as error:  # a config is a program and fails in any way
        raise ValueError(f"expected a config, {path} can't be read as one ({reason_of(error)})") from error
    if not isinstance(config.get("model"), dict):
        raise ValueError(f"expected a config with a model, got {path}")
    return config


def reason_of(error: Exception) -> str:
    """Class and first line of an error, for a message that names the file; or the package that a config lacks.

    Args:
        error: Raised by code that is not ours.
    """
    text = (str(error).strip().splitlines() or [""])[0][:300]
    lacking = _UNREGISTERED.match(text) if isinstance(error, KeyError) else None
    if lacking and importlib.util.find_spec(lacking["package"]) is None:
        return f"{lacking[1]} needs the package {lacking['package']}, which is not installed"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def scoped_name(path: Path) -> str:
    """The name by which a config inherits another on any machine.

    Args:
        path: File of a config.

    Returns:
        ``package::path`` of a config of this package or of MMPose, else the full path.
    """
    for package in PACKAGES:
        try:
            return f"{package}::{path.resolve().relative_to(config_folder(package).resolve()).as_posix()}"
        except ValueError:  # not installed, or not in its folder
            continue
    return str(path.resolve())


def is_function(name: str) -> bool:
    """Whether a name is ``module:function`` or ``file.py:function`` rather than a config.

    Args:
        name: What the user wrote.
    """
    return "::" not in name and FUNCTION.fullmatch(name) is not None


def config_aliases() -> dict[str, Path]:
    """Alias -> file of the config of this package."""
    root = config_folder().parent
    return {alias: root / entry.config for entry in entries() for alias in entry.aliases}


def _inside_package(package: str, inner: str) -> Path:
    if package not in PACKAGES:
        wanted = ", ".join(f"{name}::" for name in PACKAGES)
        raise ValueError(f"expected one of {wanted} in front, got {f'{package}::{inner}'!r}")
    folder = config_folder(package)
    path = folder / inner
    if path.is_file():
        return path
    found = _by_base_name(package).get(Path(inner).stem)
    if found is None:
        raise ValueError(f"expected a config below {folder}, got {inner!r}{_nearest(inner)}")
    return found


def _by_base_name(package: str) -> dict[str, Path]:
    try:
        folder = config_folder(package)
    except ValueError:  # a package that is not installed has no configs
        return {}
    return {path.stem: path for path in sorted(folder.rglob("*.py")) if "_base_" not in path.parts}


def _nearest(name: str) -> str:
    known = {**_by_base_name("mmpose"), **_by_base_name("mmpose_ext"), **config_aliases()}
    close = difflib.get_close_matches(Path(name).stem, known, n=3)
    return f"; did you mean {', '.join(close)}?" if close else ""
