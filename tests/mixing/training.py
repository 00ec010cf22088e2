"""A config of a few pictures for a mixed network, and what a training has to do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from tests.tiny import CONFIG, write_data

ONE_STEP = """
train_dataloader.update(batch_size=8)
val_dataloader.update(batch_size=8)
train_cfg = dict(by_epoch=True, max_epochs={epochs}, val_interval={epochs})
default_hooks.update(checkpoint=None)
"""


def write_training(root: Path, model: Mapping[str, Any], codec: Mapping[str, Any], *, epochs: int = 1) -> Path:
    """Write pictures and a config with one iteration in each epoch, and a validation at the end.

    Args:
        root: The folder, which exists.
        model: Of the network.
        codec: Which its head decodes; the pipelines encode with it.
        epochs: Length of the training.

    Returns:
        The path of the config.
    """
    write_data(root)
    start, _, rest = CONFIG.partition("codec = ")
    rest = "loading = " + rest.partition("\nloading = ")[2]
    if "UDP" in codec["type"]:
        rest = rest.replace('type="TopdownAffine"', 'type="TopdownAffine", use_udp=True')
    text = f"{start}codec = {dict(codec)}\nmodel = {dict(model)}\n{rest}".replace("{root}", str(root))
    path = root / "mixed.py"
    path.write_text(text + ONE_STEP.format(epochs=epochs))
    return path


def train(config: Config, name: str) -> None:
    """Train by MMEngine's runner: the weights change, and the validation scores.

    Args:
        config: Of one epoch or more.
        name: Of the experiment, for the runner.
    """
    config.experiment_name = name
    with DefaultScope.overwrite_default_scope("mmpose"):
        runner = Runner.from_cfg(config)
        before = [parameter.detach().clone() for parameter in runner.model.parameters()]
        runner.train()
    assert runner.epoch == config.train_cfg.max_epochs
    assert any(not torch.equal(a, b) for a, b in zip(before, runner.model.parameters(), strict=True))
    assert "val/coco/AP" in runner.message_hub.log_scalars
