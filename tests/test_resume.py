"""A training that is killed and resumed ends with the weights of an unbroken one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from tests.tiny import write_config

EXTRA = """
train_cfg = dict(by_epoch=True, max_epochs=4, val_interval=10)
train_dataloader["num_workers"] = {workers}
train_dataloader["persistent_workers"] = {workers} > 0
default_hooks["epoch_seed"] = dict(type="EpochSeedHook")
"""

KILLED = """
import os, signal, sys
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

class Kill(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.epoch == 2:  # in the middle of the third epoch
            os.kill(os.getpid(), signal.SIGKILL)

config = Config.fromfile(sys.argv[1])
config.work_dir = sys.argv[2]
runner = Runner.from_cfg(config)
runner.register_hook(Kill(), priority="LOWEST")
runner.train()
"""


def train(path: Path, work: Path, *, resume: bool) -> dict[str, torch.Tensor]:
    """Train to the end and return the weights."""
    config = Config.fromfile(path)
    config.work_dir, config.resume = str(work), resume
    config.experiment_name = f"{work.parent.name}-{work.name}-{resume}"  # MMEngine keeps one message hub for each name
    runner = Runner.from_cfg(config)
    runner.train()
    assert runner.epoch == 4
    return runner.model.state_dict()


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_killed_and_resumed_is_unbroken(tmp_path: Path, workers: int) -> None:
    path = write_config(tmp_path, EXTRA.replace("{workers}", str(workers)))
    killed = tmp_path / "killed"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, path, killed],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
    assert sorted(p.name for p in killed.glob("*.pth")) == ["epoch_1.pth", "epoch_2.pth"]
    resumed = train(path, killed, resume=True)
    unbroken = train(path, tmp_path / "unbroken", resume=False)
    assert resumed.keys() == unbroken.keys()
    for name, weight in unbroken.items():
        assert torch.equal(weight, resumed[name]), name


def test_epochs_differ_from_each_other(tmp_path: Path) -> None:
    from mmpose_ext.engine.hooks import EpochSeedHook

    hook = EpochSeedHook()
    config = Config.fromfile(write_config(tmp_path, EXTRA.replace("{workers}", "0")))
    runner = Runner.from_cfg(config)
    loop = runner.build_train_loop(config.train_cfg)
    runner._train_loop = loop
    numbers = []
    for epoch in (0, 1, 0):
        loop._epoch = epoch
        hook.before_train_epoch(runner)
        numbers.append(torch.rand(1).item())
    assert numbers[0] == numbers[2] != numbers[1]
