"""Equal to the official code: whole networks, on weights filled by rule."""

import importlib.util
import json

import numpy as np
import pytest
import torch
from mmengine.runner.checkpoint import _load_checkpoint_to_model as load_checkpoint_to_model
from mmpose.registry import MODELS
from torch import nn

from mmpose_ext import convert
from mmpose_ext.convert.xhrnet import trained_size
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


def as_trained_at(state_dict, size):
    """Leave the entries of the averaging vectors that maps of this size don't use at 1, as a training does."""
    result = dict(state_dict)
    for key, value in state_dict.items():
        if key.endswith("group_weight"):
            side = size[1] if value.shape[2] > 1 else size[0]
            branch = int(key.split("layers.")[1][0])
            result[key] = torch.where(torch.arange(value.numel()).view_as(value) < (side // 4) >> branch, value, 1.0)
    return result


@pytest.mark.parametrize("size", [(192, 256), (288, 384)])
def test_official_file_is_converted_when_loaded(reference, rule, size):
    """With MMPose's old name of the head, by MMEngine, into a whole estimator."""
    official = as_trained_at(official_state_dict(reference, rule, "sxhrnet_18"), size)
    assert trained_size(official) == size
    head = dict(type="HeatmapHead", in_channels=40, out_channels=17, deconv_out_channels=None)
    backbone = dict(type="XHRNet", input_size=size)
    network = MODELS.build(dict(type="TopdownPoseEstimator", backbone=backbone, head=head))
    load_checkpoint_to_model(network, {"state_dict": dict(official)}, strict=True)
    expected = convert.xhrnet(official, input_size=size)
    assert set(expected) == set(network.state_dict())
    assert all(torch.equal(value, expected[key]) for key, value in network.state_dict().items())


def test_size_of_an_official_parallel_file(reference, rule):
    official = as_trained_at(official_state_dict(reference, rule, "pxhrnet_30"), (192, 256))
    assert trained_size(official) == (192, 256)


def test_official_file_for_a_backbone_alone(reference, rule):
    official = as_trained_at(official_state_dict(reference, rule, "sxhrnet_18"), (192, 256))
    backbone = {key.removeprefix("backbone."): value for key, value in official.items() if key.startswith("backbone.")}
    XHRNet("18").load_state_dict(backbone, strict=True)
    fixed = XHRNet("18", fixed_averaging=(96, 72))
    fixed.load_state_dict(backbone, strict=True)
    assert fixed.stages[0][0].branches[1][0].layers[2].averaging.numel() == 96


def test_official_file_that_does_not_tell_its_size(reference, rule):
    official = official_state_dict(reference, rule, "sxhrnet_18")  # all entries of all vectors are random
    assert trained_size(official) is None
    with pytest.raises(ValueError, match="don't tell the size.*convert xhrnet IN OUT --shape 256 192.*fixed_averaging"):
        Network(arch="18").load_state_dict(official)
    Network(arch="18", fixed_averaging=(96, 72)).load_state_dict(
        {key.replace("keypoint_head", "head"): value for key, value in official.items()}
    )


@pytest.mark.parametrize("keys", [["backbone.conv1.weight", "head.final_layer.weight"], ["patch_embed.proj.weight"]])
def test_file_of_another_network(keys):
    network = nn.ModuleDict({"backbone": XHRNet(dict(num_modules=(1,), channels=(8, 16)), input_size=(64, 64))})
    with pytest.raises(ValueError, match="no tensor for XHRNet, whose keys are such as 'backbone.stem"):
        load_checkpoint_to_model(network, {"state_dict": {key: torch.ones(1) for key in keys}})


def test_file_of_a_network_with_the_same_stem():
    """Lite-HRNet's stem has the keys and shapes of ours."""
    network = nn.ModuleDict({"backbone": XHRNet("18")})
    shared = {key: value for key, value in network.state_dict().items() if key.startswith("backbone.stem.")}
    with pytest.raises(ValueError, match=f"only {len(shared)} of 1704 tensors for XHRNet"):
        load_checkpoint_to_model(network, {"state_dict": shared})
