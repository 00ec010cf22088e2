"""Where the zoo's jobs are done: a folder for each, a process for each that runs, and how long they take."""

from __future__ import annotations

import math
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmpose_ext.toolbox.catalogue.metafile import config_folder
from mmpose_ext.toolbox.json_file import read_json
from mmpose_ext.toolbox.reproduction.datasets import VARIABLE
from mmpose_ext.toolbox.zoo.jobs import Job, Settings

__all__ = ["GPU_FACTOR", "Folders", "Process"]

GPU_FACTOR = 1 / 20
"""Seconds on a GPU for one of a CPU core, a guess that the first measured job replaces."""
_START, _TESTED, _TEST_SHARE = 25.0, 1000, 0.7
"""Seconds to start a process; persons of a test; cost of a test with flips as a share of a training step."""


class Process:
    """A worker that runs, with its children, in a session of its own.

    Args:
        command: What to run.
        log: Where its output goes, at the end of what is there.
        environment: Its environment variables.
    """

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        with log.open("a") as file:
            self._process = subprocess.Popen(
                command, stdout=file, stderr=subprocess.STDOUT, env=environment, start_new_session=True
            )

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.poll()

    def stop(self) -> None:
        """End it and its children; checkpoints appear as a whole, so nothing needs to be finished."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class Folders:
    """A workshop for :func:`.run_jobs`: ``OUT/jobs/NAME`` is the working directory of a job.

    Args:
        jobs: All jobs.
        settings: Of the run.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        workers: Processes of each data loader; 0 loads in the training's own.

    Raises:
        ValueError: If a folder holds a job with other settings.
    """

    def __init__(self, jobs: Iterable[Job], settings: Settings, *, device: str = "cpu", workers: int = 0) -> None:
        self._jobs = {job.name: job for job in jobs}
        self._settings, self._device, self._workers = settings, device, workers
        self._speeds: tuple[float, dict[str, float]] = (-math.inf, {})
        for job in self._jobs.values():
            kept = self.folder(job) / "job.json"
            if kept.is_file() and (found := read_json(kept))["about"] != job.as_dict():
                expected = f"expected {job.as_dict()}: choose another --out"
                raise ValueError(f"{kept} was made with {found['about']}, {expected}")

    def folder(self, job: Job) -> Path:
        """Working directory of a job.

        Args:
            job: The job.
        """
        return self._settings.out / "jobs" / job.name

    def result(self, job: Job) -> dict[str, Any] | None:
        """What was measured, see :func:`.worker.do_job`; None before the end.

        Args:
            job: The job.
        """
        path = self.folder(job) / "result.json"
        result = read_json(path) if path.is_file() else None
        wanted = {test.label for test in job.tests}
        return result if result and wanted <= result["scores"].keys() else None

    def is_done(self, name: str) -> bool:
        """Whether a job has its result."""
        return self.result(self._jobs[name]) is not None

    def is_begun(self, name: str) -> bool:
        """Whether a job has a checkpoint."""
        return self._epochs(self._jobs[name]) > 0

    def remaining(self, name: str) -> float:
        """Seconds that a job is expected to need, by what was measured of its config here, or of others."""
        job = self._jobs[name]
        if self.is_done(name):
            return 0.0
        persons = job.persons * (job.epochs - self._epochs(job)) + _TEST_SHARE * _TESTED * len(job.tests)
        return _START * (1 + 0.3 * len(job.tests)) + persons * self._seconds(job)

    def start(self, name: str) -> Process:
        """Begin a job, or go on with it, in a process."""
        from mmpose_ext.toolbox.zoo.worker import write_json

        job = self._jobs[name]
        folder = self.folder(job).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        start = self.folder(job.start).resolve() / f"epoch_{job.start.epochs}.pth" if job.start else None
        tests = [
            dict(label=test.label, data=test.data, split=test.split, options=dict(test.options)) for test in job.tests
        ]
        write_json(
            folder / "job.json",
            {
                "about": job.as_dict(),
                "path": str(config_folder().parent / job.config),
                "epochs": job.epochs,
                "options": dict(job.options),
                "loading": self._loading(job),
                "tests": tests,
                "start": str(start) if start else None,
                "validate": job.validate,
            },
        )
        module = "mmpose_ext.toolbox.zoo.worker"
        command = [sys.executable, "-W", "ignore", "-m", module, str(folder), str(os.getpid())]
        return Process(command, folder / "log.txt", self._environment())

    def end_of_log(self, name: str, *, lines: int = 6) -> str:
        """The last that a job has printed.

        Args:
            name: Of the job.
            lines: How many lines.
        """
        log = self.folder(self._jobs[name]) / "log.txt"
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.is_file() else ""

    def _loading(self, job: Job) -> dict[str, Any]:
        """Options for the data loaders."""
        splits = ("train", "val", "test")
        workers = {f"{split}_dataloader.num_workers": self._workers for split in splits}
        return workers | {f"{split}_dataloader.persistent_workers": self._workers > 0 for split in splits}

    def _environment(self) -> dict[str, str]:
        kind, _, number = self._device.partition(":")
        visible = {"CUDA_VISIBLE_DEVICES": number if kind == "cuda" else ""}
        if kind == "cuda" and not number:
            visible = {}
        threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        return {**os.environ, **threads, **visible, VARIABLE: str(self._settings.data.resolve())}

    def _epochs(self, job: Job) -> int:
        path = self.folder(job) / "progress.json"
        return int(read_json(path)["epochs"]) if path.is_file() else 0

    def _measured(self) -> dict[str, float]:
        """Alias -> seconds for a person in training; read again after five seconds."""
        if time.monotonic() - self._speeds[0] < 5:
            return self._speeds[1]
        found: dict[str, tuple[float, int]] = {}
        for job in self._jobs.values():
            path = self.folder(job) / "progress.json"
            if path.is_file():
                progress, (seconds, persons) = read_json(path), found.get(job.alias, (0.0, 0))
                found[job.alias] = (seconds + progress["seconds"], persons + progress["epochs"] * job.persons)
        self._speeds = (time.monotonic(), {alias: seconds / persons for alias, (seconds, persons) in found.items()})
        return self._speeds[1]

    def _seconds(self, job: Job) -> float:
        measured = self._measured()
        if job.alias in measured:
            return measured[job.alias]
        ratios = [measured[one.alias] / one.guess for one in self._jobs.values() if one.alias in measured]
        factor = statistics.median(ratios) if ratios else GPU_FACTOR if self._device.startswith("cuda") else 1.0
        return job.guess * factor
