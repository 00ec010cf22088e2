"""A short training with a moving average, which all tests of publishing share."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from tests.tiny import write_config

EMA = '\ncustom_hooks = [dict(type="EMAHook", ema_type="StochasticWeightAverage", update_buffers=True)]\n'


class Training(NamedTuple):
    """What a training leaves."""

    config: Path
    last: Path
    best: Path
    trained: dict[str, torch.Tensor]
    averaged: dict[str, torch.Tensor]


@pytest.fixture(scope="package")
def training(tmp_path_factory: pytest.TempPathFactory) -> Training:
    root = tmp_path_factory.mktemp("training")
    init_default_scope("mmpose")
    torch.manual_seed(0)
    path = write_config(root, EMA)
    config = Config.fromfile(path)
    config.train_cfg.val_interval = 1
    config.experiment_name = "tiny"
    runner = Runner.from_cfg(config)
    runner.train()
    (hook,) = [hook for hook in runner.hooks if type(hook).__name__ == "EMAHook"]
    work = root / "work"
    (best,) = work.glob("best_*.pth")
    trained = {name: value.clone() for name, value in runner.model.state_dict().items()}
    averaged = {name: value.clone() for name, value in hook.ema_model.module.state_dict().items()}
    return Training(path, work / "epoch_2.pth", best, trained, averaged)
