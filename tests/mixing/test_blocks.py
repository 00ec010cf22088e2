"""Our blocks behind modules of MMPose's ResNet and HRNet."""

from __future__ import annotations

import pytest
import torch
from mmpose.registry import MODELS

from tests.mixing.networks import BLOCKS, STOCK, with_block


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("name", STOCK)
def test_it_learns_and_the_shapes_stay(name: str, block: str) -> None:
    plain, mixed = MODELS.build(STOCK[name].config), MODELS.build(with_block(name, block))
    plain.eval()  # MMPose's backbones return nothing here
    mixed.train()
    inside = [module for module in mixed.modules() if type(module).__name__ == block]
    assert len(inside) == 1
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = [x.shape for x in plain(images)]
    outputs = mixed(images)
    assert [x.shape for x in outputs] == expected
    sum((x * torch.randn(x.shape)).sum() for x in outputs).backward()
    learning = [parameter.grad is not None and bool(parameter.grad.any()) for parameter in inside[0].parameters()]
    assert sum(learning) >= len(learning) - 1  # a bias before a norm or a softmax has no gradient


@pytest.mark.parametrize("name", STOCK)
def test_weights_of_the_plain_network_load(name: str) -> None:
    """What is missing belongs to the block."""
    plain, mixed = MODELS.build(STOCK[name].config), MODELS.build(with_block(name, "FeatureShiftModule"))
    missing, unexpected = mixed.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected and missing and all("_plugin" in key for key in missing)
