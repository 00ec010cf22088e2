"""`mim test` for the rows of a table, one after the other; a result that is there already is not measured again.

A result is kept as ``results/<config>/<hash of the checkpoint>-<hash of the annotations>.json`` in the output folder,
with the keys of a ``Results`` entry of a metafile. It holds for that config, checkpoint and data, whatever else
changes, so that a stopped run continues where it was. A test that outlives this process is not lost either: the next
run takes the scores that it left.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import torch
from mmengine.config import Config

from mmpose_ext.atomic import atomic_write
from mmpose_ext.toolbox.benchmark import timing as benchmark
from mmpose_ext.toolbox.catalogue.configs import find_config
from mmpose_ext.toolbox.catalogue.metafile import STOCK
from mmpose_ext.toolbox.inference.weights import sha256
from mmpose_ext.toolbox.json_file import read_json
from mmpose_ext.toolbox.reproduction.datasets import VARIABLE, DataSet, stock_options
from mmpose_ext.toolbox.reproduction.jobs import Job, Launcher, mim, submit
from mmpose_ext.toolbox.reproduction.rows import Row

__all__ = ["as_published", "hardware", "measure", "run_logged", "stoppable", "train"]

Run = Callable[..., int]
"""Command, log file, environment, and a function that is called with the progress -> exit status."""

ONE_PROCESS = Launcher()
"""How everything is run by default."""

_MPII = {"PCK": "PCKh@0.5", "PCK@0.1": "PCKh@0.1"}
_STEP = re.compile(r"(?:Epoch|Iter)\((test|train|val)\)\s*(\[\s*\d+\])?\s*\[\s*(\d+)/(\d+)\]")
_INTERVAL = 10
"""Batches between two lines of the log."""


def hardware() -> str:
    """What this machine is, in words."""
    settings = benchmark.Settings(device="cuda" if torch.cuda.is_available() else "cpu")
    about = benchmark.environment(settings, "")
    return str(about["gpu"] or about["cpu"])


def as_published(printed: Mapping[str, float]) -> dict[str, float]:
    """Scores under the names that papers and metafiles have, in percent.

    Args:
        printed: What ``mim test`` writes, e.g. ``coco/AP .5``, ``torso/PCK@0.2``, ``mpii/PCKh@0.5``.

    Returns:
        E.g. ``AP50``, ``torso PCK@0.2``, ``PCKh@0.5``, and ``E1 AP50`` for ``E1/coco/AP .5`` of a predictor;
        without COCO's -1, for no score, and counts of persons. MMPose's metric of MPII has no prefix in its own
        configs: its ``PCK`` is ``PCKh@0.5``, its ``Head PCK`` is ``Head``.
    """
    scores = {}
    for name, value in printed.items():
        if "Head PCK" in printed and name.endswith(("PCK", "PCK@0.1")):
            scores[_MPII.get(name, name.removesuffix(" PCK"))] = round(float(value), 3)
            continue
        path, _, rest = name.rpartition("/")
        predictor, _, prefix = path.rpartition("/")
        fraction = prefix == "coco" or prefix.startswith("PCK@")
        if (fraction and value < 0) or (prefix == "torso" and rest in ("persons", "without_torso")):
            continue
        if prefix == "coco":
            rest = rest.replace(" .5", "50").replace(" .75", "75").replace(" (M)", "M").replace(" (L)", "L")
        elif prefix.startswith("PCK@") and rest == "PCK":
            rest = prefix
        elif prefix != "mpii":
            rest = f"{prefix} {rest}".strip()
        scores[f"{predictor} {rest}".strip()] = round(100 * value if fraction else float(value), 3)
    return scores


def measure(
    row: Row,
    *,
    root: Path,
    checkpoint: Path,
    data: Path,
    data_set: DataSet,
    out: Path,
    launcher: Launcher = ONE_PROCESS,
    on_progress: Callable[[str], object] = lambda text: None,
    run: Run | None = None,
) -> Row:
    """Run ``mim test`` for a row, unless its result is there.

    Args:
        row: The row.
        root: The folder that holds ``configs``.
        checkpoint: Its weights.
        data: The folder of all data sets, as ``$MMPOSE_EXT_DATA``.
        data_set: What is in there for this row.
        out: Folder of the results.
        launcher: How the test is run.
        on_progress: Called with how far the test is, e.g. "test 10/32".
        run: Stands for :func:`run_logged` in tests.

    Returns:
        The row with one more result.

    Raises:
        RuntimeError: If the test fails; the end of its output is in the message, all of it in a log.
        JobQueued: If it waits in a queue.
    """
    digest = sha256(checkpoint)
    kept = out / "results" / row.name / f"{digest[:12]}-{data_set.digest[:6]}.json"
    if not kept.is_file():
        path, options = root / row.config, {}
        if row.config.startswith(STOCK):
            path = find_config(row.config)
            options = stock_options(Config.fromfile(path), data)
        command = ["mim", "test", "mmpose", str(path), "--checkpoint", str(checkpoint.resolve())]
        printed = _test(row, command, data, kept, launcher, on_progress, run or run_logged, options)
        result = {
            "Task": "Body 2D Keypoint",
            "Dataset": data_set.name,
            "Metrics": as_published(printed),
            "Hardware": _hardware_of(kept),
            "Date": date.today().isoformat(),
            "Checkpoint": digest,
            "Command": _said(row, command, checkpoint, data, options),
        }
        with atomic_write(kept) as partial:
            partial.write_text(json.dumps(result, indent=2) + "\n")
    return replace(row, results=[*row.results, read_json(kept)])


def _said(row: Row, command: list[str], checkpoint: Path, data: Path, options: Mapping[str, str]) -> str:
    """The command without this machine's paths."""
    changed = ["--cfg-options", *(f"{key}={value}" for key, value in options.items())] if options else []
    words = shlex.join(
        [*command[:3], f"{row.name}.py" if options else row.config, "--checkpoint", str(checkpoint), *changed]
    )
    return words if options else f"{VARIABLE}={data} {words}"


def _test(
    row: Row,
    command: list[str],
    data: Path,
    kept: Path,
    launcher: Launcher,
    on_progress: Callable[[str], object],
    run: Run,
    options: Mapping[str, str],
) -> dict[str, float]:
    """Scores of one run of ``mim test``, or of one that this process did not see the end of."""
    scores, log = (kept.resolve().with_suffix(ending) for ending in (".scores.json", ".log"))
    command = [mim(), *command[1:], *launcher.words, "--out", str(scores)]
    command += ["--work-dir", str(log.with_suffix("")), "--cfg-options"]
    command += [f"default_hooks.logger.interval={_INTERVAL}", *(f"{key}={value}" for key, value in options.items())]
    _run(Job(row.alias, command, log.with_suffix(".sbatch"), scores, _variables(data)), launcher, on_progress, run)
    return {name: float(value) for name, value in read_json(scores).items()}


def train(
    row: Row,
    *,
    root: Path,
    data: Path,
    out: Path,
    launcher: Launcher = ONE_PROCESS,
    on_progress: Callable[[str], object] = lambda text: None,
    run: Run | None = None,
) -> Path:
    """Run ``mim train`` for a row, from its last checkpoint, unless it has come to its end.

    Args:
        row: The row.
        root: The folder that holds ``configs``.
        data: The folder of all data sets.
        out: Folder of the results; the training is in ``trainings/<config>`` in it.
        launcher: How the training is run.
        on_progress: Called with how far it is.
        run: Stands for :func:`run_logged` in tests.

    Returns:
        The best checkpoint, or the last one if none was chosen.

    Raises:
        RuntimeError: If the training fails; the end of its output is in the message, all of it in a log.
        JobQueued: If it waits in a queue, or runs in it.
    """
    work = out.resolve() / "trainings" / Path(row.config).stem
    last, done = work / "last_checkpoint", work / "done"
    command = [mim(), "train", "mmpose", str(root / row.config), *launcher.words, "--work-dir", str(work)]
    job = Job(row.alias, [*command, "--resume", "auto"], work / "train.sbatch", done, _variables(data), last)
    _run(job, launcher, on_progress, run or run_logged)
    best = sorted(work.glob("best_*.pth"), key=lambda path: path.stat().st_mtime)
    return best[-1] if best else work / Path(last.read_text().strip()).name


def _run(job: Job, launcher: Launcher, on_progress: Callable[[str], object], run: Run) -> None:
    """Let a job leave its result, unless it is there."""
    if launcher.name == "slurm":
        return submit(job, launcher)
    if job.result.is_file():
        return None
    job.log.parent.mkdir(parents=True, exist_ok=True)
    code = run(list(job.command), job.log, {**os.environ, **job.environment}, on_progress)
    if code == 0 and job.progress:
        job.result.touch()
    if code != 0 or not job.result.is_file():
        words = " ".join(["mim", job.command[1]])
        raise RuntimeError(
            f"{job.name}: {words} ended with status {code}; all of its output is in {job.log}\n{job.end}"
        )


def _variables(data: Path) -> dict[str, str]:
    return {VARIABLE: str(data.resolve())}


def _hardware_of(kept: Path) -> str:
    """What a job ran on, or this machine."""
    file = kept.with_suffix(".hardware")
    return file.read_text().strip() if file.is_file() else hardware()


def run_logged(
    command: list[str], log: Path, environment: Mapping[str, str], on_progress: Callable[[str], object]
) -> int:
    """Run a command; whatever stops this process on its way, but for SIGKILL, stops the command and its children too.

    Args:
        command: The command.
        log: Where its output goes.
        environment: Its environment variables.
        on_progress: Called with how far the command is, see :func:`measure`.

    Returns:
        Its exit status.
    """
    log.unlink(missing_ok=True)  # an older process may still write to it
    with log.open("w") as file, stoppable():
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
        try:
            while process.poll() is None:
                time.sleep(0.5)
                steps = _STEP.findall(log.read_text(errors="replace")[-4000:])
                on_progress(_progress(*steps[-1]) if steps else "starting")
            return process.returncode
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()


def _progress(mode: str, epoch: str, done: str, total: str) -> str:
    return " ".join(filter(None, [mode, epoch, f"{done}/{total}"]))


@contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise what Ctrl-C raises; signals can be handled in the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
