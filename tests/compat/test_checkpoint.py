"""Checkpoints of MMEngine load under any torch and engine, and a malicious file is refused by all of them."""

from __future__ import annotations

import io
import os
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import mmengine.runner.checkpoint
import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader

from mmpose_ext.compat import checkpoint
from mmpose_ext.compat.versions import torch_at_least


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
            "resumed": {"train/loss"},
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


def check(loaded: dict[str, Any]) -> None:
    """Compare with :func:`content`."""
    assert loaded["message_hub"]["log_scalars"]["train/loss"].mean() == 1.5
    assert loaded["message_hub"]["runtime_info"]["best"] == 0.5
    assert loaded["meta"]["dataset_meta"]["links"].shape == (0,)
    np.testing.assert_array_equal(loaded["meta"]["dataset_meta"]["sigmas"], np.ones(17))


ONEDL = """
def _safe_torch_load(file, map_location=None, weights_only=None):
    try:
        with torch.serialization.safe_globals([getattr, HistoryBuffer]):
            return torch.load(file, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError:
        return torch.load(file, map_location=map_location, weights_only=False)
"""
"""What onedl-mmengine 0.10.12 calls in place of ``torch.load``."""


@pytest.fixture(params=["mmengine", "onedl-mmengine"])
def engine(request: pytest.FixtureRequest) -> ModuleType:
    """A copy of MMEngine's module of checkpoints, not patched, or as the fork has it."""
    assert mmengine.runner.checkpoint.__file__
    source = Path(mmengine.runner.checkpoint.__file__).read_text()
    assert "= torch.load(" in source or "_safe_torch_load" in source
    module = ModuleType("engine")
    if request.param == "onedl-mmengine":
        source = source.replace("= torch.load(", "= _safe_torch_load(") + ONEDL
        vars(module).update(pickle=pickle, HistoryBuffer=HistoryBuffer)
    exec(compile(source, "engine", "exec"), vars(module))
    return module


@pytest.fixture(params=["torch", "torch 2.4"])
def _torch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The installed torch, or one that behaves as 2.4 where that matters here."""
    if request.param == "torch":
        return
    load, add, allowed = torch.load, torch.serialization.add_safe_globals, torch.serialization.get_safe_globals

    def old_load(f: Any, map_location: Any = None, *, weights_only: bool = False) -> Any:
        return load(f, map_location=map_location, weights_only=weights_only)

    def old_add(items: list[Any]) -> None:
        assert not any(isinstance(item, tuple) for item in items)  # 2.4 looks for the name of a tuple
        add(items)

    monkeypatch.setattr(torch, "__version__", "2.4.1")
    monkeypatch.setattr(torch, "load", old_load)
    monkeypatch.setattr(torch.serialization, "add_safe_globals", old_add)
    monkeypatch.setattr(torch.serialization, "get_safe_globals", allowed)


Door = Callable[[ModuleType, Path], Any]


def by_buffer(module: ModuleType, path: Path) -> Any:
    """As from an object store."""
    vars(module)["get_file_backend"] = lambda *args, **kwargs: type(
        "Store", (), {"get": lambda s, _: path.read_bytes()}
    )()
    return module.load_from_ceph("s3://bucket/a.pth", map_location="cpu")


DOORS: dict[str, Door] = {
    "file": lambda module, path: module.CheckpointLoader.load_checkpoint(str(path), map_location="cpu"),
    "load_checkpoint": lambda module, path: module.load_checkpoint(torch.nn.Linear(1, 1), str(path)),
    "URL": lambda module, path: module.load_from_http(path.as_uri(), map_location="cpu", progress=False),
    "buffer": by_buffer,
}
every_door = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a file goes; torch's cache of downloads is beside it."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    return tmp_path / "a.pth"


@every_door
@pytest.mark.usefixtures("_torch")
def test_every_door_of_every_engine_loads_a_checkpoint(
    door: Door, engine: ModuleType, content: dict[str, Any], path: Path
) -> None:
    torch.save(content, path)
    checkpoint._patch(engine)
    check(door(engine, path))


@every_door
@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.usefixtures("_torch")
def test_every_door_of_every_engine_refuses_a_malicious_file(
    door: Door, engine: ModuleType, legacy: bool, content: dict[str, Any], path: Path
) -> None:
    content["meta"]["note"] = Command(f"touch {path.parent}/run")
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    checkpoint._patch(engine)
    with pytest.raises(
        pickle.UnpicklingError, match=r"^expected weights and plain values in .*, got \w+\.system \(.*$"
    ):
        door(engine, path)
    assert not (path.parent / "run").exists()


@pytest.mark.skipif(not torch_at_least(2, 6), reason="the fork allows classes from torch 2.6 on")
@pytest.mark.parametrize(("engine", "_torch"), [("onedl-mmengine", "torch"), ("mmengine", "torch 2.4")], indirect=True)
def test_without_the_patch_the_file_runs(engine: ModuleType, _torch: None, content: dict[str, Any], path: Path) -> None:
    """The simulated engines are as dangerous as the real ones."""
    content["meta"]["note"] = Command(f"touch {path.parent}/run")
    torch.save(content, path)
    DOORS["file"](engine, path)
    assert (path.parent / "run").exists()


def test_mmengine_is_patched(content: dict[str, Any], path: Path) -> None:
    torch.save(content, path)
    check(CheckpointLoader.load_checkpoint(str(path), map_location="cpu"))
    assert mmengine.runner.checkpoint.load_url is checkpoint._load_url


@pytest.mark.parametrize("buffered", [False, True])
def test_programs_in_other_forms_are_refused_under_an_older_torch(
    buffered: bool, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch 2.4 hands a TorchScript archive and a tar file to loaders that run what is in them."""
    monkeypatch.setattr(torch, "__version__", "2.5.1")
    torch.jit.save(torch.jit.trace(torch.nn.Linear(1, 1), torch.ones(1, 1)), path)
    tar = path.with_suffix(".tar")
    with tarfile.open(tar, "w") as file:
        file.add(path, "storages")
    for each, form in ((path, "TorchScript"), (tar, "tar file")):
        with pytest.raises(pickle.UnpicklingError, match=f"expected a file of weights, got .*{form}"):
            checkpoint.load(io.BytesIO(each.read_bytes()) if buffered else each)


def test_the_other_numpy_and_the_users_own_list(content: dict[str, Any], tmp_path: Path) -> None:
    here, there = (b"numpy.core.", b"numpy._core.") if np.__version__ < "2" else (b"numpy._core.", b"numpy.core.")
    path = tmp_path / "a.pth"
    torch.save(content["message_hub"], path, _use_new_zipfile_serialization=False)
    assert here in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(here + b"multiarray", there + b"multiarray"))
    torch.serialization.add_safe_globals([HistoryBuffer])
    try:
        assert checkpoint.load(path)["runtime_info"]["iter"] == 3
        assert HistoryBuffer in torch.serialization.get_safe_globals()
    finally:
        torch.serialization.clear_safe_globals()


@pytest.mark.parametrize("legacy", [False, True])
def test_a_malicious_file_is_refused(legacy: bool, content: dict[str, Any], tmp_path: Path) -> None:
    content["meta"]["note"] = Command(f"touch {tmp_path}/run")
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(pickle.UnpicklingError):
        checkpoint.load(tmp_path / "a.pth")
    assert not (tmp_path / "run").exists()


def test_only_the_statistics_of_the_log_can_be_named(tmp_path: Path) -> None:
    torch.save({"meta": Attribute()}, tmp_path / "a.pth")
    with pytest.raises(pickle.UnpicklingError, match="__init__"):
        checkpoint.load(tmp_path / "a.pth")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1), torch.nn.BatchNorm2d(1))
    path = tmp_path / "other.pth"
    torch.save({"state_dict": {"backbone.x": torch.ones(1)}}, path)
    with pytest.raises(ValueError, match=r"no tensor for Sequential, whose keys are such as '0\.weight'"):
        mmengine.runner.checkpoint.load_checkpoint(network, str(path))
    torch.save({"state_dict": {"1.bias": torch.full((1,), 3.0)}}, path)  # a part is enough, as for a backbone
    mmengine.runner.checkpoint.load_checkpoint(network, str(path))
    assert network[1].bias == 3


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
