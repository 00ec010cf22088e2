"""Which checkpoint belongs to which row, and whether it fits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import hub, nn

from mmpose_ext.toolbox.catalogue.metafile import STOCK
from mmpose_ext.toolbox.catalogue.stock import stock_weights
from mmpose_ext.toolbox.inference.weights import load_weights
from mmpose_ext.toolbox.networks import PoseNet, load_candidate
from mmpose_ext.toolbox.reproduction.rows import Row

__all__ = ["PUBLISHED", "check_fit", "find_checkpoints"]

PUBLISHED = "mmpose"
"""The word that asks for MMPose's own checkpoints of its own configs."""

_ENDINGS = (".pth", ".pt", ".safetensors")


def find_checkpoints(rows: Sequence[Row], words: Sequence[str]) -> dict[str, Path]:
    """Config of a row -> its checkpoint.

    Args:
        rows: The rows of all tables that were asked for.
        words: Each ``alias=file``, a folder with ``<alias>.pth`` or ``<base name of the config>.pth``, or
            :data:`PUBLISHED`, which downloads what is not in PyTorch's cache yet. The first that has one for a row
            counts.

    Raises:
        ValueError: If a file or folder does not exist, serves none of the rows, or can't be downloaded.
    """
    found: dict[str, Path] = {}
    aliases = {name: row.config for row in rows for name in (row.alias, row.name)}
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
        elif name == PUBLISHED:
            stock = {row.config: stock_weights(row.name) for row in rows if row.config.startswith(STOCK)}
            if not any(stock.values()):
                raise ValueError(f"expected tables with networks of MMPose for the checkpoint {PUBLISHED!r}, got none")
            for config, url in stock.items():
                if url and config not in found:
                    found[config] = _download(url)
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


def _download(url: str) -> Path:
    """A file in PyTorch's cache, where MMEngine looks too; its name has the beginning of its hash."""
    path = Path(hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = re.search(r"-([0-9a-f]{8})_\d{8}\.pth$", url)
        try:
            hub.download_url_to_file(url, str(path), digest[1] if digest else None)
        except (OSError, RuntimeError) as error:  # no network, or another file than its name says
            raise ValueError(f"expected a checkpoint at {url}, got none ({error})") from error
    return path


def check_fit(row: Row, checkpoint: Path, root: Path) -> None:
    """Compare a checkpoint with the network of a row; ``mim test`` would warn and test random weights.

    Args:
        row: The row.
        checkpoint: Its weights.
        root: The folder that holds ``configs``.

    Raises:
        ValueError: If the file can't be read, or its weights are not those of this network.
    """
    network = load_candidate(row.source(root)).build()
    try:
        load_weights(_model(network), checkpoint)
    except ValueError as error:
        raise ValueError(f"{row.alias}: {error}") from error


def _model(network: Any) -> nn.Module:
    return network.model if isinstance(network, PoseNet) else network
