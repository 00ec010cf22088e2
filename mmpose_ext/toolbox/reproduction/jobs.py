"""Tests and trainings as jobs: in one process, in several of this machine, or submitted to Slurm.

A submitted job is a script that runs `mim` and leaves its result in a file. Its number is kept beside the script, so
that the same command of :mod:`~mmpose_ext.toolbox.commands.reproduce`, run again, finds it: still queued, done, or
ended without a result. A training that got further before it ended, as at a time limit, is submitted again and resumes.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmpose_ext.atomic import atomic_write
from mmpose_ext.toolbox.json_file import read_json

__all__ = ["LAUNCHERS", "Job", "JobQueued", "Launcher", "mim", "submit"]

LAUNCHERS = ("none", "pytorch", "slurm")
HARDWARE = "from mmpose_ext.toolbox.reproduction.runs import hardware; print(hardware())"
"""What a script runs behind its command, to say where that was."""


class JobQueued(Exception):
    """A job waits or runs; the message names it."""


@dataclass(frozen=True)
class Launcher:
    """How jobs are run.

    Attributes:
        name: One of :data:`LAUNCHERS`.
        gpus: Processes of a job, each with a GPU where there are GPUs.
        gpus_per_node: Processes on one machine; at most 8, and no more than there are, if None.
        cpus_per_task: Slurm's CPU cores for each process; 5 is what MMPose's scripts ask for.
        partition: Slurm's.
        sbatch_args: Further options of ``sbatch``, e.g. ``--time=4:00:00``.

    Raises:
        ValueError: If Slurm has no partition, or a number is not positive.
    """

    name: str = "none"
    gpus: int = 1
    gpus_per_node: int | None = None
    cpus_per_task: int = 5
    partition: str | None = None
    sbatch_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in LAUNCHERS:
            raise ValueError(f"expected a launcher out of {', '.join(LAUNCHERS)}, got {self.name!r}")
        numbers = (self.gpus, self.per_node, self.cpus_per_task)
        if min(numbers) < 1:
            raise ValueError(f"expected at least one GPU for a job, one on a node and one core, got {numbers}")
        if self.name == "slurm" and not self.partition:
            raise ValueError("expected --partition NAME beside --launcher slurm, got none")

    @property
    def per_node(self) -> int:
        """Processes on one machine."""
        return min(self.gpus, 8) if self.gpus_per_node is None else self.gpus_per_node

    @property
    def words(self) -> list[str]:
        """Options of `mim train` and `mim test`."""
        if self.name == "none":
            return []
        words = ["--launcher", self.name, "--gpus", str(self.gpus)]
        if self.name == "slurm":
            words += ["--gpus-per-node", str(self.per_node), "--cpus-per-task", str(self.cpus_per_task)]
            words += ["--partition", str(self.partition)]
        return words

    @property
    def directives(self) -> list[str]:
        """What a script says to ``sbatch``."""
        sizes = [f"--ntasks={self.gpus}", f"--ntasks-per-node={self.per_node}", f"--gres=gpu:{self.per_node}"]
        return [f"--partition={self.partition}", *sizes, f"--cpus-per-task={self.cpus_per_task}", *self.sbatch_args]


@dataclass(frozen=True)
class Job:
    """What is submitted.

    Attributes:
        name: For the queue.
        command: The command.
        script: The file for ``sbatch``, with an absolute path; the log and the number of the job stand beside it.
        result: The file, with an absolute path, that is there when the job has done its work.
        environment: Variables that the job needs.
        progress: A file whose content changes when the job got further, if it can resume.
    """

    name: str
    command: Sequence[str]
    script: Path
    result: Path
    environment: dict[str, str]
    progress: Path | None = None

    @property
    def log(self) -> Path:
        """Where the output goes."""
        return self.script.with_suffix(".log")

    @property
    def state(self) -> Path:
        """Where the number of the job is kept."""
        return self.script.with_suffix(".job.json")

    @property
    def end(self) -> str:
        """The last lines of its output."""
        text = self.log.read_text(errors="replace") if self.log.is_file() else ""
        return "".join(text.splitlines(keepends=True)[-15:])


def mim() -> str:
    """The command `mim` of this environment."""
    return str(Path(sys.executable).with_name("mim"))


def submit(job: Job, launcher: Launcher) -> None:
    """Submit a job, unless it is queued or done.

    Args:
        job: The job.
        launcher: How it is run.

    Raises:
        JobQueued: If it is queued, now or since an earlier call.
        RuntimeError: If it ended without a result, with the end of its log (the next call submits it again), or if
            Slurm does not answer.
    """
    if job.result.is_file():
        job.state.unlink(missing_ok=True)
        return
    before = read_json(job.state) if job.state.is_file() else None
    if before:
        number = str(before["job"])
        if state := _queue_state(number):
            raise JobQueued(f"{job.name}: job {number} is {state.lower()}")
        if job.result.is_file():  # between the two looks
            return
        job.state.unlink()
        if _progress(job) == before["progress"]:
            raise RuntimeError(
                f"{job.name}: job {number} ended without a result; its output is in {job.log}\n{job.end}"
            )
    job.script.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(job.script) as partial:
        partial.write_text(_script(job, launcher))
    answer = _call(["sbatch", "--parsable", str(job.script)])
    number = answer.split(";")[0].strip()
    with atomic_write(job.state) as partial:
        partial.write_text(json.dumps({"job": number, "progress": _progress(job)}) + "\n")
    raise JobQueued(f"{job.name}: job {number} {'goes on where the last one ended' if before else 'submitted'}")


def _script(job: Job, launcher: Launcher) -> str:
    options = [f"--job-name={job.name}", f"--output={job.log}", *launcher.directives]
    lines = [
        "#!/bin/bash",
        *(f"#SBATCH {option}" for option in options),
        "set -e",
        f"cd {shlex.quote(str(Path.cwd()))}",
    ]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in job.environment.items()]
    return "\n".join([*lines, shlex.join(job.command), *_afterwards(job)]) + "\n"


def _afterwards(job: Job) -> list[str]:
    """Commands of the script behind the first: what ran it, and the result, if that is only a mark."""
    words = shlex.join([sys.executable, "-c", HARDWARE])
    lines = [f"{words} > {shlex.quote(str(job.script.with_suffix('.hardware')))}"]
    return [*lines, f"touch {shlex.quote(str(job.result))}"] if job.progress else lines


def _queue_state(number: str) -> str:
    """Slurm's word for the state of a job; empty if it is not queued any more."""
    try:
        return _call(["squeue", "--noheader", f"--jobs={number}", "--format=%T"]).strip()
    except RuntimeError as error:
        if "Invalid job id" in str(error):  # Slurm forgets a job minutes after its end
            return ""
        raise


def _call(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise RuntimeError(f"expected Slurm's command {command[0]} for --launcher slurm, found none") from error
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def _progress(job: Job) -> str | None:
    return job.progress.read_text() if job.progress and job.progress.is_file() else None
