"""ImageNet weights of timm's ResNet-50 with group norm, on random numbers."""

from __future__ import annotations

import pytest
import torch
from mmengine.runner.checkpoint import load_state_dict
from torch import nn

from mmpose_ext.convert import ssn
from mmpose_ext.models.ssn import SSNResNet
from mmpose_ext.toolbox.cli import main


def timm_keys() -> dict[str, torch.Tensor]:
    """A state dict with the names and shapes of timm 1.0's ``resnet50_gn``, written from its definition."""
    tensors: dict[str, torch.Tensor] = {"conv1.weight": torch.randn(64, 3, 7, 7)}
    norm = lambda name, width: {f"{name}.weight": torch.randn(width), f"{name}.bias": torch.randn(width)}  # noqa: E731
    tensors |= norm("bn1", 64)
    before = 64
    for stage, (blocks, inner) in enumerate(zip((3, 4, 6, 3), (64, 128, 256, 512), strict=True), start=1):
        for block in range(blocks):
            name = f"layer{stage}.{block}"
            shapes = [(inner, before, 1, 1), (inner, inner, 3, 3), (4 * inner, inner, 1, 1)]
            for i, shape in enumerate(shapes, start=1):
                tensors[f"{name}.conv{i}.weight"] = torch.randn(shape)
                tensors |= norm(f"{name}.bn{i}", shape[0])
            if block == 0:
                tensors[f"{name}.downsample.0.weight"] = torch.randn(4 * inner, before, 1, 1)
                tensors |= norm(f"{name}.downsample.1", 4 * inner)
            before = 4 * inner
    return tensors | {"fc.weight": torch.randn(1000, 2048), "fc.bias": torch.randn(1000)}


def test_fits_the_backbone_and_initialises_it(tmp_path) -> None:
    official, out = tmp_path / "timm.pth", tmp_path / "resnet50_gn.pth"
    torch.save(timm_keys(), official)
    assert main(["convert", "ssn", str(official), str(out)]) == 0
    converted = torch.load(out, weights_only=True)["state_dict"]
    plain = SSNResNet(50, None)
    assert set(converted) == set(plain.state_dict())
    plain.load_state_dict(converted, strict=True)

    net = SSNResNet(50, 4, init_cfg=dict(type="Pretrained", checkpoint=str(out)))
    net.init_weights()
    state = net.state_dict()
    assert all(torch.equal(state[key], value) for key, value in converted.items())
    assert state["layer1.0.gn3.weight"].any(), "a residual branch of ImageNet weights must not begin at zero"


def test_a_missing_file_names_the_command_that_makes_it(tmp_path) -> None:
    """Building the network, as for a test, needs no file."""
    path = tmp_path / "resnet50_gn.pth"
    net = SSNResNet(50, None, init_cfg=dict(type="Pretrained", checkpoint=str(path)))
    with pytest.raises(ValueError, match=f"`mmpose-ext convert ssn .*pth {path}`.*backbone.init_cfg=None") as caught:
        net.init_weights()
    assert "\n" not in str(caught.value)


def test_converted_when_loaded() -> None:
    """timm's file itself, in a backbone whose FSMs stay as they were."""
    official, net = timm_keys(), SSNResNet(50, 4)
    fsms = {key: value.clone() for key, value in net.fsms.state_dict().items()}
    load_state_dict(nn.ModuleDict({"backbone": net}), {f"backbone.{key}": value for key, value in official.items()})
    state = net.state_dict()
    assert all(torch.equal(state[key], value) for key, value in ssn(official).items())
    assert all(torch.equal(value, net.fsms.state_dict()[key]) for key, value in fsms.items())


def test_files_that_do_not_fit_are_refused() -> None:
    official, net = timm_keys(), nn.ModuleDict({"backbone": SSNResNet(50, 4, num_stages=1, out_indices=(0,))})
    with pytest.raises(ValueError, match="no tensor for SSNResNet.*'backbone.conv1.weight'.*convert ssn IN OUT"):
        load_state_dict(net, official)
    batch_norm = {f"backbone.{key}": value for key, value in official.items()}
    with pytest.raises(ValueError, match="expected a ResNet with group norm"):
        load_state_dict(net, batch_norm | {"backbone.bn1.running_mean": torch.zeros(64)})


def test_another_network() -> None:
    with pytest.raises(ValueError, match="timm's resnet50_gn"):
        ssn({"stem.weight": torch.zeros(1)})
    with pytest.raises(ValueError, match="got one with batch norm"):
        ssn({**timm_keys(), "bn1.running_mean": torch.zeros(64)})
