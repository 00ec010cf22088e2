"""Safetensors files: what is written comes back, through every door of MMEngine, and nothing in one runs."""

from __future__ import annotations

import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.model import BaseModule
from mmengine.runner import CheckpointLoader, load_checkpoint
from mmpose.registry import MODELS
from safetensors.torch import save_file

from mmpose_ext.compat import checkpoint
from mmpose_ext.compat.safetensors_files import decode, encode, read, serialize
from mmpose_ext.errors import UnusableFile

META: dict[str, Any] = {
    "config": "net",
    "epoch": 3,
    "score": 0.5,
    "none": None,
    "dataset_meta": {
        "names": {0: "nose", 1: "eye"},
        "sigmas": np.full(2, 0.1, np.float32),
        "colors": np.zeros((2, 3), np.uint8),
        "links": [(0, 1)],
    },
}


@pytest.fixture
def network() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1), torch.nn.BatchNorm2d(2)).half()


@pytest.fixture
def path(network: torch.nn.Module, tmp_path: Path) -> Path:
    path = tmp_path / "a.safetensors"
    path.write_bytes(serialize(network.state_dict(), META))
    return path


def test_what_is_written_comes_back(path: Path, network: torch.nn.Module) -> None:
    content = read(path)
    expected = network.state_dict()
    assert set(content["state_dict"]) == set(expected)
    for name, tensor in content["state_dict"].items():
        assert tensor.dtype == expected[name].dtype and torch.equal(tensor, expected[name])
    meta = content["meta"]
    plain = [key for key in META if key != "dataset_meta"]
    assert [meta[key] for key in plain] == [META[key] for key in plain]
    assert meta["dataset_meta"]["names"] == {0: "nose", 1: "eye"}
    assert meta["dataset_meta"]["links"] == [(0, 1)]
    for key in ("sigmas", "colors"):
        assert meta["dataset_meta"][key].dtype == META["dataset_meta"][key].dtype
        np.testing.assert_array_equal(meta["dataset_meta"][key], META["dataset_meta"][key])
    assert set(meta) == set(META)


def test_the_same_weights_give_the_same_file(network: torch.nn.Module) -> None:
    meta = {f"key{i}": str(i) for i in range(20)}  # the library shuffles these
    hashes = {hashlib.sha256(serialize(network.state_dict(), meta)).hexdigest() for _ in range(10)}
    assert len(hashes) == 1


def test_shared_and_transposed_tensors(tmp_path: Path) -> None:
    weight = torch.arange(6.0).reshape(2, 3)
    (tmp_path / "a.safetensors").write_bytes(serialize({"a": weight, "b": weight, "c": weight.T}, {}))
    loaded = read(tmp_path / "a.safetensors")["state_dict"]
    assert torch.equal(loaded["a"], weight) and torch.equal(loaded["b"], weight) and torch.equal(loaded["c"], weight.T)


def test_what_can_not_be_written() -> None:
    with pytest.raises(ValueError, match="numbers, strings, arrays.*got Path|got PosixPath"):
        serialize({}, {"place": [Path("a")]})


@pytest.mark.parametrize(
    "value", [{"__array__": 1}, {"a": {"__tuple__": [1]}}, {(0, 1): 2}, [(1, (2, 3))], np.int64(3)]
)
def test_tags_can_not_be_confused_with_content(value: Any) -> None:
    assert decode(encode(value)) == value


def test_every_door_of_mmengine(path: Path, network: torch.nn.Module) -> None:
    loaded = CheckpointLoader.load_checkpoint(str(path), map_location="cpu")
    assert loaded["meta"]["epoch"] == 3
    other = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1), torch.nn.BatchNorm2d(2)).half()
    load_checkpoint(other, str(path), strict=True)
    assert torch.equal(other[0].weight, network[0].weight)
    pretrained = BaseModule(init_cfg=dict(type="Pretrained", checkpoint=str(path)))
    pretrained.add_module("0", torch.nn.Conv2d(3, 2, 1).half())
    pretrained.init_weights()
    assert torch.equal(pretrained.get_submodule("0").weight, network[0].weight)
    assert checkpoint.load(path)["meta"]["config"] == "net"


def test_a_head_keeps_its_version(tmp_path: Path) -> None:
    """MMPose's heads rename keys of checkpoints without a version."""
    config = dict(type="HeatmapHead", in_channels=4, out_channels=2, deconv_out_channels=None)
    config |= dict(conv_out_channels=(4,), conv_kernel_sizes=(1,), loss=dict(type="KeypointMSELoss"))
    head, other = MODELS.build(config), MODELS.build(config)
    (tmp_path / "a.safetensors").write_bytes(serialize(head.state_dict(), {}))
    load_checkpoint(other, str(tmp_path / "a.safetensors"), strict=True)
    assert all(torch.equal(a, b) for a, b in zip(head.state_dict().values(), other.state_dict().values(), strict=True))
    versions = read(tmp_path / "a.safetensors")["state_dict"]._metadata
    assert versions == {"": {"version": 2}}


def test_a_file_from_elsewhere(tmp_path: Path) -> None:
    save_file({"weight": torch.ones(2)}, tmp_path / "a.safetensors", metadata={"format": "pt", "epoch": "3"})
    content = read(tmp_path / "a.safetensors")
    assert torch.equal(content["state_dict"]["weight"], torch.ones(2))
    assert content["meta"] == {"epoch": "3"}
    save_file({"weight": torch.ones(2)}, tmp_path / "b.safetensors")
    assert read(tmp_path / "b.safetensors")["meta"] == {}


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="a.safetensors, which does not exist"):
        CheckpointLoader.load_checkpoint(str(tmp_path / "a.safetensors"))
    (tmp_path / "a.safetensors").write_bytes(b"no header at all")
    with pytest.raises(UnusableFile, match="expected a safetensors file, got .*a.safetensors"):
        CheckpointLoader.load_checkpoint(str(tmp_path / "a.safetensors"))
    for value in ("[" * 50_000 + "]" * 50_000, '{"__items__": [[[], 1]]}', '{"__array__": []}', "{"):
        save_file({"weight": torch.ones(2)}, tmp_path / "a.safetensors", metadata={"json": "a", "a": value})
        with pytest.raises(UnusableFile, match="in the header of .*a.safetensors"):
            CheckpointLoader.load_checkpoint(str(tmp_path / "a.safetensors"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serves ``tmp_path`` on this machine."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.func.log_message = lambda *_: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


def test_a_url(path: Path, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    content = path.read_bytes()
    right, wrong = f"net-{hashlib.sha256(content).hexdigest()[:8]}.safetensors", "net-00000000.safetensors"
    for name in (right, wrong):
        (tmp_path / name).write_bytes(content)
    assert CheckpointLoader.load_checkpoint(f"{server}/{right}")["meta"]["epoch"] == 3
    (tmp_path / right).unlink()
    assert CheckpointLoader.load_checkpoint(f"{server}/{right}")["meta"]["epoch"] == 3  # it is in the cache
    with pytest.raises(RuntimeError, match="hash"):
        CheckpointLoader.load_checkpoint(f"{server}/{wrong}")
    assert [file.name for file in (tmp_path / "hub/checkpoints").iterdir()] == [right]
