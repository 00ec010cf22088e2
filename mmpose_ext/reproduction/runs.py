"""`mim test` for the rows of a table, one after the other; a result that is there already is not measured again.

A result is kept as ``results/<config>/<first digits of the checkpoint's hash>.json`` in the output folder. It holds
for that config, checkpoint and data, whatever else changes, so that a stopped run continues where it was.

Deviations: none (no paper).
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import torch

from mmpose_ext.analysis import benchmark
from mmpose_ext.reproduction.rows import Row

__all__ = ["checkpoint_of", "hardware", "measure", "sha256"]

_ENDINGS = (".pth", ".pt", ".safetensors")


def checkpoint_of(row: Row, checkpoints: Sequence[str]) -> Path | None:
    """The checkpoint of a row.

    Args:
        row: The row.
        checkpoints: Each ``alias=file``, or a folder with ``<alias>.pth`` or ``<base name of the config>.pth``.

    Raises:
        ValueError: If a named file or folder does not exist.
    """
    names = (row.alias, Path(row.config).stem)
    for word in checkpoints:
        alias, _, file = word.rpartition("=")
        path = Path(file)
        if alias and not path.is_file():
            raise ValueError(f"expected a checkpoint in {word!r}, got no file {path}")
        if not alias and not path.is_dir():
            raise ValueError(f"expected ALIAS=FILE or a folder of checkpoints, got {word!r}")
        if alias in names:
            return path
        if not alias:
            found = [
                path / (name + ending) for name in names for ending in _ENDINGS if (path / (name + ending)).is_file()
            ]
            if found:
                return found[0]
    return None


def sha256(path: Path) -> str:
    """Hash of a file.

    Args:
        path: The file.
    """
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def hardware() -> str:
    """What this machine is, in words."""
    settings = benchmark.Settings(device="cuda" if torch.cuda.is_available() else "cpu")
    about = benchmark.environment(settings, "")
    return str(about["gpu"] or about["cpu"])


def measure(
    row: Row, *, root: Path, checkpoint: Path, data: Path, out: Path, run: Callable[..., Any] = subprocess.run
) -> Row:
    """Run ``mim test`` for a row, unless its result is there.

    Args:
        row: The row.
        root: The folder that holds ``configs``.
        checkpoint: Its weights.
        data: The folder of all data sets, as ``$MMPOSE_EXT_DATA``.
        out: Folder of the results.
        run: Stands for ``subprocess.run`` in tests.

    Returns:
        The row with one more result.

    Raises:
        RuntimeError: If the test fails; the end of its output is in the message, all of it in ``test.log``.
    """
    digest, name = sha256(checkpoint), Path(row.config).stem
    folder = out / "results" / name
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{digest[:12]}-{hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:6]}.json"
    if not kept.is_file():
        metrics = _test(row, root, checkpoint, data, folder, run)
        result = {
            "Task": "Body 2D Keypoint",
            "Dataset": f"{name.rpartition('_')[2]}, from {data}",
            "Metrics": metrics,
            "Hardware": hardware(),
            "Command": f"mim test mmpose {row.config} --checkpoint {checkpoint}",
            "Date": date.today().isoformat(),
            "Checkpoint": digest,
        }
        partial = kept.with_suffix(".partial")
        partial.write_text(json.dumps(result, indent=2) + "\n")
        partial.replace(kept)
    return replace(row, results=[*row.results, json.loads(kept.read_text())])


def _test(
    row: Row, root: Path, checkpoint: Path, data: Path, folder: Path, run: Callable[..., Any]
) -> dict[str, float]:
    """Metrics of one run of ``mim test``."""
    answer, log = folder / "metrics.json", folder / "test.log"
    answer.unlink(missing_ok=True)
    mim = Path(sys.executable).with_name("mim")
    command = [str(mim), "test", "mmpose", str(root / row.config), "--checkpoint", str(checkpoint.resolve())]
    command += ["--work-dir", str(folder / "work"), "--out", str(answer)]
    environment = {**os.environ, "MMPOSE_EXT_DATA": str(data.resolve())}
    with log.open("w") as file:
        code = run(command, stdout=file, stderr=subprocess.STDOUT, env=environment, check=False).returncode
    if code != 0 or not answer.is_file():
        end = "".join(log.read_text().splitlines(keepends=True)[-15:])
        raise RuntimeError(f"{row.alias}: mim test ended with status {code}; all of its output is in {log}\n{end}")
    return {name: round(float(value), 6) for name, value in json.loads(answer.read_text()).items()}
