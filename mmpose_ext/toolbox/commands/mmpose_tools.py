"""Runs MMPose's own command line tools after this package has been imported.

The import comes first, so that a config may say ``_base_ = ['mmpose_ext::...']``: MMEngine reads the bases before it
runs the ``custom_imports`` of a config.
"""

from __future__ import annotations

import importlib.util
import runpy
from pathlib import Path

__all__ = ["find_mmpose_tool", "run_mmpose_tool"]


def find_mmpose_tool(name: str) -> Path:
    """Find a tool of the installed MMPose.

    Args:
        name: The name of the script without ``.py``, relative to MMPose's folder ``tools``.

    Returns:
        Its path.

    Raises:
        FileNotFoundError: If MMPose, or this tool of it, isn't installed.
    """
    spec = importlib.util.find_spec("mmpose")
    folders = [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]
    candidates = [root / "tools" / f"{name}.py" for folder in folders for root in (folder / ".mim", folder.parent)]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(
        f"expected MMPose's tool {name!r} at one of {[str(path) for path in candidates]}, found none; "
        "run `mmpose-ext doctor`"
    )


def run_mmpose_tool(name: str) -> None:
    """Run a tool of MMPose as the main program, with the arguments of this process.

    Args:
        name: As in :func:`find_mmpose_tool`.
    """
    import mmpose_ext

    assert mmpose_ext.__version__  # imported for its effect
    runpy.run_path(str(find_mmpose_tool(name)), run_name="__main__")
