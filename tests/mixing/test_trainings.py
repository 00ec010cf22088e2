"""Mixed networks, and the examples of docs/mixing.md, train and are tested by MMEngine's runner."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from tests.mixing.networks import COMBINATIONS, HEADS, Network
from tests.mixing.training import write_training

PAGE = Path(__file__).resolve().parents[2] / "docs" / "mixing.md"
EXAMPLES = dict(re.findall(r"^### (.*?)\n.*?```python\n(.*?)```", PAGE.read_text(), re.DOTALL | re.MULTILINE))


def train(path: Path, name: str) -> None:
    """One step changes the weights, and a validation scores."""
    config = Config.fromfile(path)
    config.experiment_name = name
    with DefaultScope.overwrite_default_scope("mmpose"):
        runner = Runner.from_cfg(config)
        before = [parameter.detach().clone() for parameter in runner.model.parameters()]
        runner.train()
    assert runner.iter == config.train_cfg.max_epochs
    assert any(not torch.equal(a, b) for a, b in zip(before, runner.model.parameters(), strict=True))
    assert "val/coco/AP" in runner.message_hub.log_scalars


def run(name: str, root: Path) -> None:
    network: Network = COMBINATIONS[name]
    if network.backbone["type"].startswith("mmpretrain."):
        pytest.importorskip("mmpretrain", reason="the backbone is MMPretrain's")
    train(write_training(root, network.model, network.codec), name)


BRIEF = [f"SFM, {head}" for head in HEADS]
BRIEF += ["ResNet, GlobalNet, SSNHead", "HourglassNet, SFMHead", "ResNet, BDMP, CPMHead", "HRNet with FeatureShiftModule"]


@pytest.mark.parametrize("name", BRIEF)
def test_a_step_and_a_validation(name: str, tmp_path: Path) -> None:
    run(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in COMBINATIONS if name not in BRIEF])
def test_a_step_and_a_validation_of_all_others(name: str, tmp_path: Path) -> None:
    run(name, tmp_path)


def test_the_page_has_three_examples() -> None:
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("title", EXAMPLES)
def test_example_trains(title: str, tmp_path: Path) -> None:
    example = Config.fromstring(EXAMPLES[title], ".py")
    train(write_training(tmp_path, example.model.to_dict(), example.codec.to_dict(), epochs=2), title)
