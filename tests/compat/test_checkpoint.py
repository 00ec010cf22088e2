"""Checkpoints of MMEngine load under any torch, and a malicious file doesn't."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader

from mmpose_ext.compat import checkpoint
from mmpose_ext.compat.versions import torch_at_least

safe = pytest.mark.skipif(not torch_at_least(2, 6), reason="torch < 2.6 loads every pickle")


class Command:
    """A pickle of this runs a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


class Attribute:
    """A pickle of this asks for an attribute that no checkpoint needs."""

    def __reduce__(self) -> Any:
        return getattr, (HistoryBuffer, "__init__")


@pytest.fixture
def content() -> dict[str, Any]:
    """What MMEngine and MMPose write."""
    buffer = HistoryBuffer()
    buffer.update(1.5)
    return {
        "state_dict": {"weight": torch.ones(2)},
        "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}},
        "message_hub": {
            "log_scalars": {"train/loss": buffer},
            "runtime_info": {"best": np.float64(0.5), "iter": np.int64(3), "flag": np.bool_(True)},
        },
        "meta": {
            "epoch": 1,
            "dataset_meta": {
                "sigmas": np.ones(17, np.float32),
                "colors": np.zeros((17, 3), np.uint8),
                "names": np.array(["nose"]),
                "mask": np.ones(3, bool),
                "links": np.array([]),
            },
        },
    }


def test_mmengine_loads_its_checkpoint(content: dict[str, Any], tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.pth")
    loaded = CheckpointLoader.load_checkpoint(str(tmp_path / "a.pth"), map_location="cpu")
    assert loaded["message_hub"]["log_scalars"]["train/loss"].mean() == 1.5
    assert loaded["message_hub"]["runtime_info"]["best"] == 0.5
    np.testing.assert_array_equal(loaded["meta"]["dataset_meta"]["sigmas"], np.ones(17))


@safe
def test_the_other_numpy_and_the_users_own_list(content: dict[str, Any], tmp_path: Path) -> None:
    here, there = (b"numpy.core.", b"numpy._core.") if np.__version__ < "2" else (b"numpy._core.", b"numpy.core.")
    path = tmp_path / "a.pth"
    torch.save(content["message_hub"], path, _use_new_zipfile_serialization=False)
    assert here in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(here + b"multiarray", there + b"multiarray"))
    with torch.serialization.safe_globals([HistoryBuffer]):
        assert checkpoint.load(path)["runtime_info"]["iter"] == 3
        assert HistoryBuffer in torch.serialization.get_safe_globals()


@safe
@pytest.mark.parametrize("load", [checkpoint.load, CheckpointLoader.load_checkpoint])
@pytest.mark.parametrize("legacy", [False, True])
def test_a_malicious_file_is_refused(load: Any, legacy: bool, content: dict[str, Any], tmp_path: Path) -> None:
    content["meta"]["note"] = Command(f"touch {tmp_path}/run")
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(pickle.UnpicklingError):
        load(str(tmp_path / "a.pth"))
    assert not (tmp_path / "run").exists()


@safe
def test_only_the_statistics_of_the_log_can_be_named(tmp_path: Path) -> None:
    torch.save({"meta": Attribute()}, tmp_path / "a.pth")
    with pytest.raises(pickle.UnpicklingError, match="__init__"):
        checkpoint.load(tmp_path / "a.pth")


@safe
def test_nothing_stays_allowed(content: dict[str, Any], tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.pth")
    before = set(torch.serialization.get_safe_globals())
    checkpoint.load(tmp_path / "a.pth")
    assert set(torch.serialization.get_safe_globals()) == before
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "a.pth", weights_only=True)


@pytest.mark.parametrize(
    ("version", "expected"), [("2.5.1", False), ("2.6.0a0+git1", True), ("2.15.0+cpu", True), ("3.0", True)]
)
def test_comparison_of_versions(version: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", version)
    assert torch_at_least(2, 6) is expected
