"""Which device a name stands for."""

from __future__ import annotations

import pytest
import torch

from mmpose_ext.toolbox.devices import TIMED, resolve_device, resolve_onnx_device


@pytest.fixture(params=["cuda", "mps", "cpu"])
def best(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The best device of the machine."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: request.param == "cuda")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2 * (request.param == "cuda"))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: request.param == "mps")
    return request.param


def test_auto(best: str) -> None:
    assert resolve_device() == resolve_device("auto") == best
    assert resolve_device(kinds=TIMED) == ("cuda" if best == "cuda" else "cpu")
    assert resolve_onnx_device() == "cpu"  # the ONNX Runtime of the tests has no other


def test_named_devices(best: str) -> None:
    assert resolve_device("cpu") == "cpu"
    for name in {"cuda", "cuda:1", "mps", "cuda:2"} - {best}:
        if name == "cuda:1" and best == "cuda":
            assert resolve_device(name) == name
            continue
        with pytest.raises(ValueError, match=rf"a device that this machine has \({best}.*\), got '{name}'"):
            resolve_device(name)


@pytest.mark.parametrize("name", ["tpu", "cuda:x", "", "gpu"])
def test_names_of_nothing(name: str) -> None:
    with pytest.raises(ValueError, match=f"among auto, cuda, mps, cpu, got '{name}'"):
        resolve_device(name)
    with pytest.raises(ValueError, match="expected a device of ONNX Runtime"):
        resolve_onnx_device(name)
