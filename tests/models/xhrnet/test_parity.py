"""Equal to the official code: whole networks, on weights filled by rule."""

import importlib.util
import json

import numpy as np
import pytest
import torch
from torch import nn

from mmpose_ext import convert
from mmpose_ext.layers.deploy import switch_to_deploy
from mmpose_ext.models.xhrnet import XHRNet

# name of the golden file, of the state dict, the backbone's arguments, (width, height), limit on max|d| / max|golden|
CASES = [
    ("sxhrnet_18_256x192", "sxhrnet_18", dict(arch="18"), (192, 256), 1e-5),
    ("sxhrnet_18_384x288", "sxhrnet_18", dict(arch="18"), (288, 384), 1e-5),
    ("sxhrnet_30_256x192", "sxhrnet_30", dict(arch="30"), (192, 256), 5e-5),
    ("sxhrnet_30_384x288", "sxhrnet_30", dict(arch="30"), (288, 384), 5e-5),
    ("pxhrnet_30_256x192", "pxhrnet_30", dict(arch="30", block="parallel"), (192, 256), 5e-5),
]


class Network(nn.Module):
    """Backbone and output convolution, with the keys of MMPose."""

    def __init__(self, **kwargs):
        super().__init__()
        self.backbone = XHRNet(**kwargs)
        self.head = nn.Module()
        self.head.final_layer = nn.Conv2d(40, 17, 1)

    def forward(self, x):
        return self.head.final_layer(self.backbone(x)[0])


@pytest.fixture(scope="module")
def rule(reference):
    """The rule for weights and inputs."""
    spec = importlib.util.spec_from_file_location("deterministic", reference / "deterministic.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def official_state_dict(reference, rule, name):
    shapes = json.loads((reference / "xhrnet" / f"state_dict_{name}.json").read_text())
    return {key: torch.from_numpy(np.asarray(value)) for key, value in rule.fill(shapes, 1).items()}


@pytest.mark.parametrize("form", ["trained size", "fixed", "deployed"])
@pytest.mark.parametrize(("golden", "name", "kwargs", "size", "limit"), CASES, ids=[case[0] for case in CASES])
def test_heatmaps(reference, rule, golden, name, kwargs, size, limit, form):
    state_dict = official_state_dict(reference, rule, name)
    if form == "fixed":
        network = Network(**kwargs, fixed_averaging=(96, 72))
        network.load_state_dict(convert.xhrnet(state_dict), strict=True)
    else:
        network = Network(**kwargs, input_size=size)
        network.load_state_dict(convert.xhrnet(state_dict, input_size=size), strict=True)
    network.eval()
    if form == "deployed":
        switch_to_deploy(network)
    data = np.load(reference / "xhrnet" / f"golden_{golden}.npz")
    images = torch.from_numpy(rule.image(int(data["seed"]), tuple(data["input_shape"])))
    with torch.inference_mode():
        heatmaps = network(images).numpy()
    stride = int(data["stride"])
    expected = data["heatmaps"] if stride == 1 else data["heatmaps_sub"]
    peak = data["heatmaps_stats"][2]
    assert np.abs(heatmaps[..., ::stride, ::stride] - expected).max() <= limit * peak
    assert np.abs(heatmaps.astype(np.float64).mean() - data["heatmaps_stats"][0]) <= limit * peak
    assert np.array_equal(heatmaps.reshape(2, 17, -1).argmax(-1), data["heatmaps_argmax"])


@pytest.mark.parametrize(
    ("name", "arch", "block"), [("sxhrnet_18", "18", "x-shuffle"), ("pxhrnet_30", "30", "parallel")]
)
def test_conversion_is_strict_and_keeps_every_number(reference, rule, name, arch, block):
    state_dict = official_state_dict(reference, rule, name)
    converted = convert.xhrnet(state_dict)
    assert sum(v.numel() for v in converted.values()) == sum(v.numel() for v in state_dict.values())
    network = Network(arch=arch, block=block, fixed_averaging=(96, 72))
    network.load_state_dict(converted, strict=True)
    assert set(converted) == set(network.state_dict())


def test_conversion_is_pure():
    state_dict = {"backbone.stage0.0.layers.1.0.branch2.2.group_weight": torch.ones(1, 1, 96, 1)}
    converted = convert.xhrnet(state_dict, input_size=(192, 256))
    (key,) = converted
    assert key == "backbone.stages.0.0.branches.1.0.layers.2.averaging"
    assert converted[key].shape == (32,)  # branch 1 of a 256 high image: 256 / 8
    converted[key].zero_()
    assert state_dict["backbone.stage0.0.layers.1.0.branch2.2.group_weight"].sum() == 96


def test_conversion_refuses_another_network():
    with pytest.raises(ValueError, match="expected the state dict of an official X-HRNet.*'stem.weight'"):
        convert.xhrnet({"stem.weight": torch.ones(1)})
