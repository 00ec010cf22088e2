"""The counting rules land on the numbers printed in the papers."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from mmengine.analysis import get_model_complexity_info
from mmpose.registry import MODELS
from torch import nn

from mmpose_ext.toolbox.counting.rules import LEAF_MODULES, MACS, RULES, count, count_parameters
from mmpose_ext.toolbox.networks import load_candidate

LITE = "mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_litehrnet-{}_8xb64-210e_coco-256x192.py"


class Pose(nn.Module):
    """A backbone and the 1x1 convolution of a heatmap head."""

    def __init__(self, **backbone) -> None:
        super().__init__()
        self.backbone = MODELS.build(dict(type="XHRNet", fixed_averaging=(96, 72), **backbone))
        self.head = nn.Conv2d(40, 17, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.backbone(images)[0])


@pytest.mark.parametrize(
    ("depth", "shape", "parameters", "millions"),
    [
        (18, (256, 192), 1_130_769, 205.2),
        (18, (384, 288), 1_130_769, 461.6),
        (30, (256, 192), 1_763_717, 319.2),
        (30, (384, 288), 1_763_717, 717.8),
    ],
)
def test_lite_hrnet(depth: int, shape: tuple[int, int], parameters: int, millions: float) -> None:
    """Table 2 of X-HRNet's paper prints these for MMPose's stock network."""
    result = count(load_candidate(LITE.format(depth)).build(), shape, rules=["leaf-modules"])
    assert result.parameters == parameters
    assert round(result.in_units("leaf-modules"), 1) == millions


@pytest.mark.parametrize(
    ("arch", "shape", "parameters", "millions", "macs"),
    [
        ("18", (256, 192), 1_342_049, 194.44, 193.6),  # Table 2: 194.4M
        ("18", (384, 288), 1_342_049, 433.16, 431.2),  # Table 2: 433.2M
        ("30", (256, 192), 2_117_657, 300.21, 300.4),  # Table 2: 300.2M
        ("30", (384, 288), 2_117_657, 668.03, 668.3),  # Table 2: 668.0M
    ],
)
def test_xhrnet(arch: str, shape: tuple[int, int], parameters: int, millions: float, macs: float) -> None:
    """Second decimal: the authors' counter; ``macs``: their code with each fusion path evaluated once."""
    result = count(Pose(arch=arch), shape, rules=["leaf-modules", "macs"])
    assert result.parameters == parameters
    assert round(result.in_units("leaf-modules"), 2) == millions
    assert round(result.in_units("macs"), 1) == macs


@pytest.mark.parametrize(
    ("block", "relu", "parameters", "millions"),
    [
        ("baseline", True, 885_985, 188.9),
        ("baseline", False, 885_985, 188.7),
        ("w-wise", False, 1_113_441, 191.2),
        ("h-wise", False, 1_114_593, 191.9),
    ],
)
def test_xhrnet_ablation(block: str, relu: bool, parameters: int, millions: float) -> None:
    """Table 4; its baseline was counted with ReLUs in the transitions, the other rows without."""
    result = count(Pose(block=block, transition_relu=relu), (256, 192), rules=["leaf-modules"])
    assert result.parameters == parameters
    assert round(result.in_units("leaf-modules"), 1) == millions


def test_fvcore_is_mmengine() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(2), nn.Upsample(4))
    expected = get_model_complexity_info(network.eval(), (3, 33, 21), show_table=False, show_arch=False)["flops"]
    assert count(network, (33, 21), rules=["fvcore"]).operations["fvcore"] == expected


def leaf_macs(module: nn.Module, shape: tuple[int, ...]) -> int:
    x = torch.zeros(shape)
    return LEAF_MODULES.cost(module, x.shape, module.eval()(x).shape)


def test_cost_of_a_convolution_is_that_of_a_loop() -> None:
    module = nn.Conv2d(6, 4, (3, 2), stride=2, padding=1, groups=2)
    _, channels, height, width = module(torch.zeros(1, 6, 9, 8)).shape
    macs = 0
    for _ in range(channels * height * width):
        macs += 6 // 2 * 3 * 2  # one filter
        macs += 1  # its bias
    assert leaf_macs(module, (1, 6, 9, 8)) == macs


@pytest.mark.parametrize(
    ("module", "shape", "macs"),
    [
        (nn.ConvTranspose2d(2, 3, 4, stride=2, padding=1, bias=False), (1, 2, 5, 5), 5 * 5 * 2 * 3 * 16),
        (nn.Linear(5, 7), (1, 3, 5), 3 * 7 * (5 + 1)),
        (nn.BatchNorm2d(4), (1, 4, 3, 2), 2 * 24),
        (nn.BatchNorm2d(4, affine=False), (1, 4, 3, 2), 24),
        (nn.ReLU(), (1, 4, 3, 2), 24),
        (nn.Upsample(scale_factor=2), (1, 4, 3, 2), 6 * 4),
        (nn.AdaptiveAvgPool2d(1), (1, 4, 3, 2), 4 * (3 + 1) * (2 + 1)),
        (nn.Sigmoid(), (1, 4, 3, 2), 0),
        (nn.LayerNorm(2), (1, 4, 3, 2), 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_cost_of_a_leaf(module: nn.Module, shape: tuple[int, ...], macs: int) -> None:
    assert leaf_macs(module, shape) == macs


def test_a_leaf_counts_once_with_its_last_call() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.relu(x)[..., ::2].contiguous() + self.relu(x[..., ::2])

    assert LEAF_MODULES(Twice(), torch.zeros(1, 3, 4, 4)) == 3 * 4 * 2


class Products(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


@pytest.mark.parametrize(
    ("function", "macs"),
    [
        (lambda x: x @ x.transpose(-1, -2), 3 * 4 * 5 * 4),
        (lambda x: torch.ones(4) @ x, 3 * 5 * 4),  # broadcast, of which fvcore counts a third
        (lambda x: torch.einsum("bchw,bcwv->bchv", x, x.transpose(-1, -2)), 3 * 4 * 5 * 4),
        (lambda x: F.scaled_dot_product_attention(x, x, x), 2 * 3 * 4 * 4 * 5),
        (lambda x: F.linear(x, torch.ones(7, 5)), 3 * 4 * 7 * 5),
        (lambda x: x.softmax(-1) * x.sigmoid() + x, 0),
    ],
    ids=["matmul", "broadcast", "einsum", "attention", "linear", "elementwise"],
)
def test_macs_of_products(function, macs: int) -> None:
    assert MACS(Products(function), torch.zeros(1, 3, 4, 5)) == macs


def test_modes_and_parameters_are_left_alone() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4).eval()).train()
    network[1].eval()
    result = count(network, (8, 8))
    assert network[0].training and not network[1].training
    assert not network[0]._forward_hooks
    assert result.parameters == count_parameters(network) == 3 * 4 + 4 + 8
    assert math.isclose(result.in_units("macs"), 8 * 8 * 12 / 1e6)


def test_unknown_rule() -> None:
    with pytest.raises(ValueError, match=f"expected rules among {', '.join(RULES)}, got nonsense"):
        count(nn.Conv2d(3, 1, 1), (8, 8), rules=["nonsense"])
