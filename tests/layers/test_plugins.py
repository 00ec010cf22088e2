"""Plugin layers behind any module."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from mmpose_ext.layers.plugins import insert_plugins

CONTEXT = dict(type="ContextBlock", in_channels=4, ratio=0.5)


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.layers = nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(self.stem(x))


def randomise(module: nn.Module) -> nn.Module:
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    return module.eval()


def test_plugins_work_on_outputs_in_turn() -> None:
    network = Network()
    stock = set(network.state_dict())
    insert_plugins(network, [dict(cfg=CONTEXT, after=("stem", "layers")), dict(cfg=CONTEXT, after="stem")])
    assert stock < set(network.state_dict())
    randomise(network)
    x = torch.randn(2, 3, 6, 5)
    first, second = network.stem.plugins
    y = second(first(nn.functional.conv2d(x, network.stem.weight, network.stem.bias)))
    y = network.layers[2](network.layers[1](network.layers[0](y)))
    torch.testing.assert_close(network(x), y)


def test_a_copy_has_its_own() -> None:
    network = randomise(insert_plugins(Network(), [dict(cfg=CONTEXT, after="stem")]))
    other = copy.deepcopy(network)
    randomise(other.stem.plugins)
    x = torch.randn(2, 3, 6, 5)
    assert not torch.allclose(network(x), other(x))


def test_errors() -> None:
    with pytest.raises(ValueError, match="keys cfg and after, got .'cfg', 'position'."):
        insert_plugins(Network(), [dict(cfg=CONTEXT, position="after_conv3")])
    with pytest.raises(ValueError, match="after a module such as stem, layers, got 'layer4'"):
        insert_plugins(Network(), [dict(cfg=CONTEXT, after="layer4")])
    network = nn.LSTM(3, 4)
    insert_plugins(network, [dict(cfg=CONTEXT, after="")])
    with pytest.raises(ValueError, match="one output, got tuple"):
        network(torch.zeros(1, 1, 3))
