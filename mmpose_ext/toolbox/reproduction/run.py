"""``mmpose-ext reproduce`` as a function: the papers' tables counted again, tested where data are, and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tqdm import tqdm

import mmpose_ext
from mmpose_ext.toolbox.catalogue.metafile import STOCK, config_folder
from mmpose_ext.toolbox.reproduction import report
from mmpose_ext.toolbox.reproduction.checkpoints import check_fit, find_checkpoints
from mmpose_ext.toolbox.reproduction.datasets import DataSet, find_data_set
from mmpose_ext.toolbox.reproduction.jobs import JobQueued, Launcher
from mmpose_ext.toolbox.reproduction.latency import add_latency
from mmpose_ext.toolbox.reproduction.page import write_page
from mmpose_ext.toolbox.reproduction.report import Tables
from mmpose_ext.toolbox.reproduction.rows import Row, load_tables, recount
from mmpose_ext.toolbox.reproduction.runs import ONE_PROCESS, measure, train

__all__ = ["ReproductionReport", "reproduce"]

_ENDINGS = ("md", "json", "csv", "html")


class ReproductionReport(NamedTuple):
    """What was counted and measured, and where it was written."""

    tables: Tables
    files: tuple[Path, ...]
    """Markdown, JSON, CSV and HTML."""
    failed: tuple[str, ...]
    """What each test that failed has said."""
    queued: tuple[str, ...] = ()
    """The jobs that wait or run."""

    @property
    def rows(self) -> list[Row]:
        """One row of each config."""
        return list({row.config: row for _, _, rows in self.tables for row in rows if row.config}.values())

    @property
    def wrong(self) -> list[str]:
        """Aliases of the configs whose counts are not as expected."""
        return sorted({row.alias for row in self.rows if not row.agrees})


def reproduce(
    tables: Sequence[str] = (),
    out: Path = Path("work_dirs/reproduce"),
    *,
    data: Path | None = None,
    checkpoints: Sequence[str] = (),
    training: bool = False,
    launcher: Launcher = ONE_PROCESS,
    latency: bool = False,
    rounds: int = 20,
    threads: int = 1,
    command: str = "mmpose_ext.toolbox.reproduction.reproduce",
    progress: bool = False,
) -> ReproductionReport:
    """Count the rows of the papers' tables again, and measure those with a checkpoint.

    A result that is in ``out/results`` is not measured again, so that a run that was stopped goes on.

    Args:
        tables: ``paper:table`` or ``paper``, e.g. ``xhrnet:2``; none for all.
        out: Folder of the report.
        data: Folder of the data sets, for rows with a checkpoint.
        checkpoints: ``alias=file``, folders of checkpoints, or ``mmpose`` for those of MMPose, see
            :func:`~mmpose_ext.toolbox.reproduction.checkpoints.find_checkpoints`.
        training: Whether our rows without a checkpoint are trained; ``data`` is needed then.
        launcher: How tests and trainings are run.
        latency: Whether the latency of one image is measured.
        rounds: How often each row has its turn for the latency.
        threads: CPU threads for the latency.
        command: What was run, for the report.
        progress: Whether a bar is shown on stderr.

    Returns:
        The tables with what was found.

    Raises:
        ValueError: If there is no such table, or checkpoints or data don't fit; nothing was run then.
        KeyboardInterrupt: After Control-C; the message says how to go on.
    """
    root = config_folder().parent
    found = load_tables(tables)
    unique = {row.config: row for _, _, rows in found for row in rows if row.config}
    if min(rounds, threads) < 1:
        raise ValueError(f"expected --rounds and --threads of at least 1, got {rounds} and {threads}")
    weights, data_sets = _find_tests(unique, root, data, checkpoints, training=training)
    try:
        failed, queued = _count_and_test(unique, root, out, data, weights, data_sets, launcher, progress=progress)
        if latency:
            add_latency(unique, root, rounds=rounds, threads=threads)
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(f"stopped; the same command goes on from {out / 'results'}") from error
    done = [(paper, table, [report.updated(row, unique) for row in rows]) for paper, table, rows in found]
    return ReproductionReport(done, _write(done, out, command), tuple(failed), tuple(queued))


def _find_tests(
    unique: Mapping[str, Row], root: Path, data: Path | None, checkpoints: Sequence[str], *, training: bool
) -> tuple[dict[str, Path | None], dict[str, DataSet]]:
    """Config -> checkpoint (None: to be trained) and config -> data, of the rows that are tested, checked first."""
    if bool(checkpoints or training) is (data is None):
        wanted = "--checkpoint" if checkpoints else "--train"
        given, lacking = (wanted, "--data FOLDER") if data is None else ("--data", "--checkpoint ALIAS=FILE")
        raise ValueError(f"expected {lacking} beside {given}, got none")
    if data is None:
        return {}, {}
    if not data.is_dir():
        raise ValueError(f"expected a folder of data sets, got {data}")
    found = find_checkpoints(list(unique.values()), checkpoints)
    trained = [config for config in unique if training and not config.startswith(STOCK)]
    weights = {config: found.get(config) for config in unique if config in trained or config in found}
    data_sets = {config: find_data_set(unique[config], root=root, data=data) for config in weights}
    for config, checkpoint in found.items():
        check_fit(unique[config], checkpoint, root)
    return weights, data_sets


def _count_and_test(
    unique: dict[str, Row],
    root: Path,
    out: Path,
    data: Path | None,
    weights: Mapping[str, Path | None],
    data_sets: Mapping[str, DataSet],
    launcher: Launcher,
    *,
    progress: bool,
) -> tuple[list[str], list[str]]:
    """Count all rows, train and test those that are asked for; returns what went wrong, and what waits."""
    failed, queued = [], []
    with tqdm(unique.items(), unit="row", disable=None if progress else True) as bar:
        for config, row in bar:
            bar.set_description(row.alias)
            row = recount(row, root)
            if data is not None and config in weights:
                how: dict[str, Any] = {
                    "root": root,
                    "data": data,
                    "out": out,
                    "launcher": launcher,
                    "on_progress": bar.set_postfix_str,
                }
                try:
                    checkpoint = weights[config] or train(row, **how)
                    row = measure(row, checkpoint=checkpoint, data_set=data_sets[config], **how)
                except JobQueued as job:
                    queued.append(str(job))
                except RuntimeError as error:
                    failed.append(str(error))
                bar.set_postfix_str("")
            unique[config] = row
    return failed, queued


def _write(done: Tables, out: Path, command: str) -> tuple[Path, ...]:
    """Write the tables in all forms."""
    about = f"{date.today().isoformat()}, mmpose-ext {mmpose_ext.__version__}, torch {torch.__version__}"
    out.mkdir(parents=True, exist_ok=True)
    paths = tuple(out / f"reproduction.{ending}" for ending in _ENDINGS)
    report.write_markdown(paths[0], done, command=command)
    report.write_json(paths[1], done, command=command)
    report.write_csv(paths[2], done)
    write_page(paths[3], done, command=command, about=about)
    return paths
