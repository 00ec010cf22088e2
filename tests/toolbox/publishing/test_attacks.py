"""Nothing in a checkpoint is executed by ``publish``, and nothing that would be executed later is published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from mmpose_ext.toolbox.cli import main
from tests.faults.payloads import PROGRAMS, program
from tests.tiny import write_checkpoint, write_config


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """The resolved config and the weights of a small network."""
    config = write_config(tmp_path_factory.mktemp("attack"))
    checkpoint = write_checkpoint(config)
    return Config.fromfile(config).to_dict(), torch.load(checkpoint, weights_only=True)["state_dict"]


def poisoned(weights: tuple[dict[str, Any], dict[str, Any]], line: str, folder: Path) -> Path:
    """A checkpoint whose config has one line more, written as literals."""
    text = program(weights[0], line)
    path = folder / "poisoned.pth"
    torch.save({"state_dict": weights[1], "meta": {"cfg": text, "experiment_name": "tiny_20260101_000000"}}, path)
    return path


@pytest.mark.parametrize("name", PROGRAMS)
def test_payloads_in_the_config_of_a_checkpoint(
    name: str,
    weights: tuple[dict[str, Any], dict[str, Any]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    target, out = tmp_path / "executed", tmp_path / "out"
    path = poisoned(weights, PROGRAMS[name].replace("TARGET", str(target)), tmp_path)
    assert main(["publish", str(path), "--out", str(out)]) == 2
    assert not target.exists()
    assert not out.exists() or not list(out.iterdir()), "nothing is handed on"
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("mmpose-ext publish: ") and "name it before CHECKPOINT" in line


def test_the_same_checkpoint_without_a_payload_is_published(
    weights: tuple[dict[str, Any], dict[str, Any]], tmp_path: Path
) -> None:
    path = poisoned(weights, "extra = {'a b': [1, {2: 'x'}]}", tmp_path)
    assert main(["publish", str(path), "--out", str(tmp_path / "out")]) == 0
    (config,) = tmp_path.glob("out/*/tiny.py")
    assert Config.fromfile(config).extra == {"a b": [1, {2: "x"}]}
