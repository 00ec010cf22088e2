"""Tests and trainings as jobs of Slurm, which is a folder here: written, submitted, collected, resumed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmpose_ext.toolbox.reproduction import jobs, runs
from mmpose_ext.toolbox.reproduction.datasets import DataSet
from mmpose_ext.toolbox.reproduction.jobs import JobQueued, Launcher
from mmpose_ext.toolbox.reproduction.rows import Counts, Row

ROW = Row("net", "configs/net.py", "macs", {}, Counts(1, 1, 1))
SLURM = Launcher("slurm", 16, partition="gpu", sbatch_args=("--time=9:00:00",))
PROGRAMS = {
    "sbatch": """#!/bin/sh
n=$(($(cat {folder}/number 2>/dev/null || echo 0) + 1)); echo $n > {folder}/number
cp "$2" {folder}/queue/$n; echo "$n;cluster"
""",
    "squeue": """#!/bin/sh
n=${{2#--jobs=}}; [ -f {folder}/queue/$n ] && echo RUNNING && exit
echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1
""",
    "mim": """#!/bin/sh
verb=$1; work=; out=
while [ $# -gt 0 ]; do case $1 in --work-dir) work=$2;; --out) out=$2;; esac; shift; done
echo "$verb on $MMPOSE_EXT_DATA"
if [ $verb = test ]; then echo '{{"coco/AP": 0.5}}' > $out; exit; fi
mkdir -p $work; [ -f {folder}/broken ] && exit 1
if [ -f $work/epoch_1.pth ]; then touch $work/epoch_2.pth; echo $work/epoch_2.pth > $work/last_checkpoint; exit; fi
touch $work/epoch_1.pth; echo $work/epoch_1.pth > $work/last_checkpoint; echo "time limit"; exit 1
""",
}


class Cluster:
    """A cluster whose jobs run when :meth:`drain` says so."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "queue").mkdir(parents=True)
        (folder / "bin").mkdir()
        for name, text in PROGRAMS.items():
            (folder / "bin" / name).write_text(text.format(folder=folder))
            (folder / "bin" / name).chmod(0o755)

    def drain(self) -> str:
        """Run the one job in the queue; returns its script."""
        (job,) = (self.folder / "queue").iterdir()
        script = job.read_text()
        log = next(line for line in script.splitlines() if "--output=" in line).partition("=")[2]
        with open(log, "w") as file:
            subprocess.run(["bash", job], stdout=file, stderr=subprocess.STDOUT, check=False)
        job.unlink()
        return script


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    cluster = Cluster(tmp_path / "cluster")
    monkeypatch.setenv("PATH", os.pathsep.join([str(cluster.folder / "bin"), os.environ["PATH"]]))
    monkeypatch.setattr(runs, "mim", lambda: str(cluster.folder / "bin" / "mim"))
    monkeypatch.setattr(jobs, "HARDWARE", "print('a node')")
    return cluster


def queued(action: Callable[[], Any], words: str) -> None:
    with pytest.raises(JobQueued, match=words):
        action()


def test_a_test_is_submitted_once_and_collected(cluster: Cluster, tmp_path: Path) -> None:
    checkpoint = tmp_path / "a b.pth"
    checkpoint.write_bytes(b"x")
    options: dict[str, Any] = dict(root=tmp_path, checkpoint=checkpoint, data=tmp_path, out=tmp_path / "out")

    def measure() -> Row:
        return runs.measure(ROW, data_set=DataSet("COCO val2017", "0123456789"), launcher=SLURM, **options)

    queued(measure, "net: job 1 submitted")
    queued(measure, "net: job 1 is running")
    script = cluster.drain()
    for line in (
        "--partition=gpu",
        "--ntasks=16",
        "--ntasks-per-node=8",
        "--gres=gpu:8",
        "--cpus-per-task=5",
        "--time=9:00:00",
    ):
        assert f"\n#SBATCH {line}\n" in script
    assert "--launcher slurm --gpus 16 --gpus-per-node 8 --cpus-per-task 5 --partition gpu" in script
    (result,) = measure().results
    assert result["Metrics"] == {"AP": 50.0} and result["Hardware"] == "a node"
    assert measure().results == [result]
    assert (cluster.folder / "number").read_text() == "1\n"


def test_a_training_goes_on_after_its_time_limit(cluster: Cluster, tmp_path: Path) -> None:
    def train() -> Path:
        return runs.train(ROW, root=tmp_path, data=tmp_path, out=tmp_path / "out", launcher=SLURM)

    queued(train, "job 1 submitted")
    assert "--resume auto" in cluster.drain()
    queued(train, "job 2 goes on where the last one ended")
    cluster.drain()
    assert train().name == "epoch_2.pth"


def test_a_job_that_failed_is_said_once_and_submitted_again(cluster: Cluster, tmp_path: Path) -> None:
    def train() -> Path:
        return runs.train(ROW, root=tmp_path, data=tmp_path, out=tmp_path / "out", launcher=SLURM)

    (cluster.folder / "broken").touch()
    queued(train, "job 1 submitted")
    cluster.drain()
    with pytest.raises(RuntimeError, match=rf"net: job 1 ended without a result; (?s:.)*train on {tmp_path}"):
        train()
    queued(train, "job 2 submitted")


def test_slurm_that_does_not_answer_starts_no_second_job(cluster: Cluster, tmp_path: Path) -> None:
    def train() -> Path:
        return runs.train(ROW, root=tmp_path, data=tmp_path, out=tmp_path / "out", launcher=SLURM)

    queued(train, "job 1 submitted")
    (cluster.folder / "bin" / "squeue").write_text("#!/bin/sh\necho 'Unable to contact slurm controller' >&2; exit 1\n")
    with pytest.raises(RuntimeError, match="squeue ended with status 1: Unable to contact"):
        train()
    assert (cluster.folder / "number").read_text() == "1\n"


def test_several_processes_of_this_machine(tmp_path: Path) -> None:
    commands = []

    def run(command: list[str], log: Path, environment: dict[str, str], tell: Any) -> int:
        commands.append(command)
        work = Path(command[command.index("--work-dir") + 1])
        for name in ("epoch_3.pth", "best_coco_AP_epoch_2.pth"):
            (work / name).touch()
        (work / "last_checkpoint").write_text(str(work / "epoch_3.pth"))
        return 0

    options: dict[str, Any] = dict(root=tmp_path, data=tmp_path, out=tmp_path / "out", run=run)
    for _ in range(2):
        checkpoint = runs.train(ROW, launcher=Launcher("pytorch", 2), **options)
    assert checkpoint.name == "best_coco_AP_epoch_2.pth"
    assert len(commands) == 1 and "--launcher pytorch --gpus 2 --work-dir" in " ".join(commands[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "slurm"}, "expected --partition NAME beside --launcher slurm, got none"),
        ({"gpus": 0}, r"expected at least one GPU for a job, one on a node and one core, got \(0, 0, 5\)"),
        ({"name": "mpi"}, "expected a launcher out of none, pytorch, slurm, got 'mpi'"),
    ],
)
def test_launchers_that_can_not_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Launcher(**options)
