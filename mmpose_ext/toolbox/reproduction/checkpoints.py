"""Which checkpoint belongs to which row, and whether it fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from mmpose_ext.toolbox.inference.weights import load_weights
from mmpose_ext.toolbox.networks import PoseNet, load_candidate
from mmpose_ext.toolbox.reproduction.rows import Row

__all__ = ["check_fit", "find_checkpoints"]

_ENDINGS = (".pth", ".pt", ".safetensors")


def find_checkpoints(rows: Sequence[Row], words: Sequence[str]) -> dict[str, Path]:
    """Config of a row -> its checkpoint.

    Args:
        rows: The rows of all tables that were asked for.
        words: Each ``alias=file``, or a folder with ``<alias>.pth`` or ``<base name of the config>.pth``. The first
            that has one for a row counts.

    Raises:
        ValueError: If a file or folder does not exist, or serves none of the rows.
    """
    found: dict[str, Path] = {}
    aliases = {name: row.config for row in rows for name in (row.alias, Path(row.config).stem)}
    for word in words:
        alias, _, name = word.rpartition("=")
        path = Path(name).expanduser()
        if alias:
            if alias not in aliases:
                known = ", ".join(dict.fromkeys(row.alias for row in rows))
                raise ValueError(f"expected a row of these tables ({known}) in {word!r}, got {alias!r}")
            if not path.is_file():
                raise ValueError(f"expected a checkpoint in {word!r}, got no file {path}")
            found.setdefault(aliases[alias], path)
        else:
            for config, file in _in_folder(path, aliases).items():
                found.setdefault(config, file)
    return found


def _in_folder(folder: Path, aliases: Mapping[str, str]) -> dict[str, Path]:
    if not folder.is_dir():
        raise ValueError(f"expected ALIAS=FILE or a folder of checkpoints, got {str(folder)!r}")
    files = {path.stem: path for ending in reversed(_ENDINGS) for path in sorted(folder.glob(f"*{ending}"))}
    found = {config: files[name] for name, config in aliases.items() if name in files}
    if not found:
        there = ", ".join(sorted(files)) or "no checkpoint"
        raise ValueError(f"expected files named {', '.join(aliases)} in {folder}, got {there}")
    return found


def check_fit(row: Row, checkpoint: Path, root: Path) -> None:
    """Compare a checkpoint with the network of a row; ``mim test`` would warn and test random weights.

    Args:
        row: The row.
        checkpoint: Its weights.
        root: The folder that holds ``configs``.

    Raises:
        ValueError: If the file can't be read, or its weights are not those of this network.
    """
    network = load_candidate(str(root / row.config)).build()
    try:
        load_weights(_model(network), checkpoint)
    except ValueError as error:
        raise ValueError(f"{row.alias}: {error}") from error


def _model(network: Any) -> nn.Module:
    return network.model if isinstance(network, PoseNet) else network
