"""``tools/train_zoo.py`` as a function: trains what fits into the time, and writes what it says about the claims."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import torch
from filelock import FileLock, Timeout

from mmpose_ext.atomic import atomic_write
from mmpose_ext.toolbox.catalogue.markdown import markdown_table
from mmpose_ext.toolbox.catalogue.metafile import config_folder
from mmpose_ext.toolbox.devices import AUTO, TIMED, resolve_device
from mmpose_ext.toolbox.reproduction.runs import stoppable
from mmpose_ext.toolbox.zoo.claims import Claim, Training, find_studies
from mmpose_ext.toolbox.zoo.jobs import Job, Settings, job_of, plan_jobs, reason_against
from mmpose_ext.toolbox.zoo.record import insert_result, result_lines
from mmpose_ext.toolbox.zoo.results import ClaimResult, claim_result, markdown, metafile_entries, summary
from mmpose_ext.toolbox.zoo.schedule import DONE, FAILED, Event, run_jobs, simulate
from mmpose_ext.toolbox.zoo.workshop import Folders

__all__ = ["Zoo", "train_zoo"]


class Zoo(NamedTuple):
    """What was done and found."""

    outcomes: dict[str, str]
    """Job -> outcome, see :mod:`.schedule`."""
    claims: list[ClaimResult]
    table: str
    """The plan, or the results, as Markdown."""
    files: tuple[Path, ...]
    """Results as JSON and Markdown, and the metafiles' entries; none for a plan."""


def train_zoo(
    data: Path,
    out: Path = Path("work_dirs/zoo"),
    *,
    hours: float | None = None,
    only: Sequence[str] = (),
    seeds: Sequence[int] = (0, 1, 2),
    epochs: int | None = None,
    persons: int | None = None,
    device: str = AUTO,
    processes: int | None = None,
    dry_run: bool = False,
    write_metafiles: bool = False,
    say: Callable[[str], object] = lambda text: None,
) -> Zoo:
    """Train networks and compare them, in order of value, within a time budget; a stopped run goes on where it was.

    Args:
        data: Folder of the data sets, as ``$MMPOSE_EXT_DATA``, with ``lspet`` and ``lsp``.
        out: Folder of the runs and results.
        hours: Budget; None for no limit. What runs at its end is stopped after its last whole epoch.
        only: Keys of trainings and claims; none for all.
        seeds: Of the claims' runs.
        epochs: Of the claims' runs; None for those of the configs.
        persons: Of the claims' training sets; None for those of the configs.
        device: As in PyTorch, or ``auto``.
        processes: Trainings at a time; None for one on each core, or one for four cores with a GPU.
        dry_run: Whether only the plan is made.
        write_metafiles: Whether the entries are written into the package's metafiles, too.
        say: Called with a line for each event.

    Returns:
        The plan or the results.

    Raises:
        ValueError: If data are missing, an argument can't be used, or another run writes to ``out``.
        KeyboardInterrupt: After Control-C or SIGTERM; the message says how to go on.
    """
    for name, value in dict(hours=hours, epochs=epochs, persons=persons, processes=processes).items():
        if value is not None and value <= 0:
            raise ValueError(f"expected a positive number of {name}, got {value}")
    device = resolve_device(device, kinds=TIMED)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    gpu = device.startswith("cuda")
    slots = processes or (max(1, cores // 4) if gpu else cores)
    settings = Settings(Path(data), Path(out), tuple(seeds), epochs, persons, gpu, _bfloat16(device))
    studies = find_studies(only)
    jobs = plan_jobs(studies, settings)
    folders = Folders(jobs, settings, device=device, workers=max(2, cores // slots - 1) if gpu else 0)
    report = _Report(studies, jobs, settings, folders, _command(settings))
    budget = 3600 * hours if hours else math.inf
    names, after = [job.name for job in jobs], {job.name: job.start.name for job in jobs if job.start}
    if dry_run:
        events, outcomes = simulate(names, folders, slots=slots, budget=budget, after=after)
        return Zoo(outcomes, report.claims(), _plan(jobs, folders, events, outcomes), ())

    def tell(event: Event) -> None:
        expected = f", about {_time(folders.remaining(event.name))}" if event.what == "begin" else ""
        end = f"\n{folders.end_of_log(event.name)}" if event.what == FAILED else ""
        say(f"{_time(event.seconds)} {event.name}: {event.what}{expected}{end}")
        if event.what == DONE:
            report.write()

    with _alone(settings.out), stoppable():
        try:
            outcomes = run_jobs(names, folders, slots=slots, budget=budget, after=after, tick=2.0, tell=tell)
        except KeyboardInterrupt as error:
            raise KeyboardInterrupt(f"stopped; the same command goes on from {settings.out}") from error
        finally:
            files = report.write()
    if write_metafiles:
        report.write_metafiles()
    return Zoo(outcomes, report.claims(), files[1].read_text(), files)


class _Report:
    """Writes what is there so far."""

    def __init__(
        self,
        studies: Sequence[Training | Claim],
        jobs: Sequence[Job],
        settings: Settings,
        folders: Folders,
        command: Callable[[str], str],
    ) -> None:
        self._studies, self._jobs, self._settings, self._folders = studies, jobs, settings, folders
        self._command = command

    def claims(self) -> list[ClaimResult]:
        """All claims with what was measured."""
        return [
            claim_result(
                claim,
                self._settings.seeds,
                lambda network, seed: job_of(network, seed, self._settings),
                reason_against,
                self._folders.result,
            )
            for claim in self._studies
            if isinstance(claim, Claim)
        ]

    def trainings(self) -> list[tuple[Training, Job, dict[str, Any] | None]]:
        """All trainings in the plan with their results."""
        jobs = {job.alias: job for job in self._jobs}
        found = [one for one in self._studies if isinstance(one, Training) and one.config in jobs]
        return [(one, jobs[one.config], self._folders.result(jobs[one.config])) for one in found]

    def entries(self) -> list[tuple[str, dict[str, Any]]]:
        """Config and entry of the metafile."""
        return metafile_entries(self.trainings(), self.claims(), self._command)

    def write(self) -> tuple[Path, ...]:
        """Write JSON, Markdown and entries."""
        claims, trainings = self.claims(), self.trainings()
        content = {
            "claims": [summary(claim) for claim in claims],
            "trainings": [{"config": job.alias, "result": result} for _, job, result in trainings],
            "jobs": {
                job.name: {"options": dict(job.options), "result": self._folders.result(job)} for job in self._jobs
            },
        }
        page = markdown(trainings, claims, command=self._command(""), missing=self._command)
        entries = [f"# {config}\n" + "\n".join(result_lines(entry)) for config, entry in self.entries()]
        texts = {
            "results.json": json.dumps(content, indent=1) + "\n",
            "results.md": page,
            "metafile.yml": "\n\n".join(entries) + "\n",
        }
        for name, text in texts.items():
            with atomic_write(self._settings.out / name) as partial:
                partial.write_text(text)
        return tuple(self._settings.out / name for name in texts)

    def write_metafiles(self) -> None:
        """Write the entries where their configs stand."""
        for config, entry in self.entries():
            path = config_folder().parent / Path(config).parent / "metafile.yml"
            text = insert_result(path.read_text(), config, entry)
            with atomic_write(path) as partial:
                partial.write_text(text)


def _command(settings: Settings) -> Callable[[str], str]:
    """Key of a study, or nothing for all -> the command that measures it."""
    options = {"--epochs": settings.epochs, "--persons": settings.persons}
    given = [f"{name} {value}" for name, value in options.items() if value]
    if tuple(settings.seeds) != (0, 1, 2):
        given.append(f"--seeds {' '.join(map(str, settings.seeds))}")
    return lambda key: " ".join(["python tools/train_zoo.py --data data", *([f"--only {key}"] if key else []), *given])


def _bfloat16(device: str) -> bool:
    """Whether a device computes in bfloat16; a CPU that emulates it takes four times as long as in float32."""
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported()
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _plan(jobs: Sequence[Job], folders: Folders, events: Sequence[Event], outcomes: dict[str, str]) -> str:
    """Which job begins and ends when."""
    times: dict[str, list[str]] = {}
    for event in events:
        times.setdefault(event.name, []).append(_time(event.seconds))
    rows = []
    for job in jobs:
        begin, end = times.get(job.name, ["-", "-"])
        rows.append([job.name, _time(folders.remaining(job.name)), begin, end, outcomes[job.name]])
    return markdown_table(["job", "takes about", "begins", "ends", "then"], rows)


def _time(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Keep other runs out of a folder."""
    out.mkdir(parents=True, exist_ok=True)
    lock = FileLock(out / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ValueError(f"expected a folder of its own, another run writes to {out}") from error
    try:
        yield
    finally:
        lock.release()
