"""Eq. (1) against loops, its deployed form, and the blocks."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from mmpose_ext.layers.deploy import switch_to_deploy
from mmpose_ext.models.sfm.fusion import AddFusion, ConcatFusion, build_block, build_fusion

NORM = dict(type="BN")


def randomise(module: nn.Module) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.weight, 1, 0.2)
            nn.init.normal_(part.bias)
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
    return module.eval()


def nearest(x: torch.Tensor) -> torch.Tensor:
    """Twice the height and width: each value four times."""
    out = torch.zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    for y in range(out.shape[2]):
        for z in range(out.shape[3]):
            out[:, :, y, z] = x[:, :, y // 2, z // 2]
    return out


@pytest.mark.parametrize(("channels", "upsample"), [(8, True), (6, True), (6, False)])
def test_sum(channels: int, upsample: bool) -> None:
    fusion = randomise(AddFusion(channels, 6, upsample=upsample, norm_cfg=NORM))
    x = torch.randn(2, channels, 3, 2)
    history = torch.randn(2, 6, 6, 4) if upsample else torch.randn(2, 6, 3, 2)
    projected = fusion.project(x)
    expected = (nearest(projected) if upsample else projected) + history
    torch.testing.assert_close(fusion(x, history), expected)
    assert bool(list(fusion.parameters())) is (channels != 6)
    torch.testing.assert_close(fusion(x, None), expected - history)


@pytest.mark.parametrize("upsample", [True, False])
def test_concatenation_and_its_deployed_form(upsample: bool) -> None:
    fusion = randomise(ConcatFusion(8, 6, upsample=upsample, norm_cfg=NORM))
    x = torch.randn(2, 8, 3, 2)
    history = torch.randn(2, 6, 6, 4) if upsample else torch.randn(2, 6, 3, 2)
    expected = fusion.conv(torch.cat([nearest(x) if upsample else x, history], 1))
    torch.testing.assert_close(fusion(x, history), expected)
    deployed = switch_to_deploy(copy.deepcopy(fusion))
    assert deployed.conv is None
    torch.testing.assert_close(deployed(x, history), expected, rtol=1e-4, atol=1e-5)
    deployed.switch_to_deploy()
    torch.testing.assert_close(deployed(x, history), expected, rtol=1e-4, atol=1e-5)


def test_another_normalization_stays_as_it_is() -> None:
    fusion = ConcatFusion(8, 6, upsample=True, norm_cfg=dict(type="GN", num_groups=2)).eval()
    x, history = torch.randn(2, 8, 3, 2), torch.randn(2, 6, 6, 4)
    expected = fusion(x, history)
    assert torch.equal(switch_to_deploy(fusion)(x, history), expected)


@pytest.mark.parametrize("name", ["bottleneck", "basic", "conv", "separable"])
def test_blocks_keep_the_shape(name: str) -> None:
    block = build_block(name, 8, NORM).eval()
    assert block(torch.randn(2, 8, 5, 3)).shape == (2, 8, 5, 3)


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"fusion must be one of \['add', 'concat'\], got 'max'"):
        build_fusion("max", 8, 8, upsample=True, norm_cfg=NORM)
    with pytest.raises(ValueError, match="block must be one of .*, got 'dense'"):
        build_block("dense", 8, NORM)
    with pytest.raises(ValueError, match="divisible by 4, got 6"):
        build_block("bottleneck", 6, NORM)
