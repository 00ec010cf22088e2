"""The quality loss begins at its epoch, also in a resumed run, and knows the data set's sigmas."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from mmpose_ext.engine.hooks import QualityScheduleHook
from tests.tiny import write_config

EXTRA = """
codec = dict(type="UDPHeatmap", input_size=(64, 64), heatmap_size=(16, 16), sigma=1)
model["backbone"] = dict(type="SHaRPose", arch=dict(width=16, depth=2, num_heads=2), input_size=(64, 64),
                         patch_size=8, quality_threshold=0.5)
model["head"] = dict(type="SHaRPoseHead", in_channels=16, out_channels=17, heatmap_size=(16, 16), decoder=codec)
for pipeline in (train_pipeline, val_pipeline):
    for step in pipeline:
        if step["type"] == "TopdownAffine":
            step["use_udp"] = True
        if step["type"] == "GenerateTarget":
            step["encoder"] = codec
del pipeline, step
train_cfg = dict(by_epoch=True, max_epochs={epochs}, val_interval=1)
default_hooks["quality"] = dict(type="QualityScheduleHook", begin=1, weight=0.5)
"""


class Record(Hook):
    """Keeps what was in force in each epoch."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, float, bool]] = []

    def after_train_epoch(self, runner: Runner) -> None:
        model = runner.model
        self.seen.append((runner.epoch, model.head.quality_weight, model.backbone.early_exit))


def test_by_epoch_and_resumed(tmp_path):
    seen = []
    for epochs, resume in ((1, False), (3, True)):
        config = Config.fromfile(write_config(tmp_path, EXTRA.replace("{epochs}", str(epochs))))
        config.resume, config.experiment_name = resume, f"{tmp_path.name}-{epochs}"
        runner = Runner.from_cfg(config)
        record = Record()
        runner.register_hook(record)
        runner.train()
        seen += record.seen
        assert torch.equal(runner.model.head.sigmas, torch.tensor(runner.train_dataloader.dataset.metainfo["sigmas"]))
        losses = runner.message_hub.get_scalar("train/loss_quality").data[0]
        assert (losses[-2:] > 0).all() == (epochs == 3)
    assert seen == [(0, 0.0, False), (1, 0.5, True), (2, 0.5, True)]


def fake_runner(model: nn.Module, epoch: int = 0) -> SimpleNamespace:
    return SimpleNamespace(model=model, epoch=epoch)


def test_a_model_without_quality_is_refused():
    model = nn.Module()
    model.backbone, model.head = nn.Conv2d(3, 3, 1), nn.Linear(3, 3)
    with pytest.raises(
        ValueError, match="expects a backbone and a head with a predicted quality.*got Conv2d and Linear"
    ):
        QualityScheduleHook(begin=3).before_train(fake_runner(model))


def test_begin_is_a_number_of_epochs():
    with pytest.raises(ValueError, match="expected begin to be 0 or a number of epochs, got -1"):
        QualityScheduleHook(begin=-1)
