"""Mixed networks train and are tested by MMEngine's runner."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from tests.mixing.networks import COMBINATIONS, Network
from tests.mixing.training import train, write_training


def run(name: str, root: Path) -> None:
    network: Network = COMBINATIONS[name]
    if network.backbone["type"].startswith("mmpretrain."):
        pytest.importorskip("mmpretrain", reason="the backbone is MMPretrain's")
    train(Config.fromfile(write_training(root, network.model, network.codec)), name)


BRIEF = (
    "SFM, udp combined",
    "SFM, simcc",
    "SFM, regression",
    "ResNet, GlobalNet, SSNHead",
    "HourglassNet, SFMHead",
    "HRNet with FeatureShiftModule",
)


@pytest.mark.parametrize("name", BRIEF)
def test_a_step_and_a_validation(name: str, tmp_path: Path) -> None:
    run(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in COMBINATIONS if name not in BRIEF])
def test_a_step_and_a_validation_of_all_others(name: str, tmp_path: Path) -> None:
    run(name, tmp_path)
