"""Eq. (2) to (4) against loops, and the blocks as plugin layers of stock ResNets."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.sfm import AttentionMap, HighLevelSpatialAttention, SpatialAttention

B, C, H, W = 2, 5, 6, 7
BLOCKS = [SpatialAttention, HighLevelSpatialAttention]


def randomise(module: nn.Module) -> nn.Module:
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    return module.eval()


def naive_theta(theta: AttentionMap, x: Tensor) -> Tensor:
    """Mean and maximum over the channels, a convolution and tanh, one position after the other."""
    radius = theta.weight.shape[-1] // 2
    batch, channels, height, width = x.shape
    out = torch.zeros(batch, 1, height, width)
    for b in range(batch):
        for y in range(height):
            for z in range(width):
                total = float(theta.bias.detach())
                for dy in range(-radius, radius + 1):
                    for dz in range(-radius, radius + 1):
                        if 0 <= y + dy < height and 0 <= z + dz < width:
                            column = [float(x[b, c, y + dy, z + dz]) for c in range(channels)]
                            total += sum(column) / channels * float(theta.weight[0, 0, dy + radius, dz + radius])
                            total += max(column) * float(theta.weight[0, 1, dy + radius, dz + radius])
                out[b, 0, y, z] = math.tanh(total)
    return out


@pytest.mark.parametrize("channels", [C, 1])
def test_theta_takes_features_and_maps(channels: int) -> None:
    """Eq. (2) and Eq. (3) are one function."""
    theta = randomise(AttentionMap(3)).requires_grad_(False)
    x = torch.randn(B, channels, H, W)
    torch.testing.assert_close(theta(x), naive_theta(theta, x))


@pytest.mark.parametrize("shared", [True, False])
def test_equations(shared: bool) -> None:
    block = randomise(HighLevelSpatialAttention(kernel_size=3, shared=shared)).requires_grad_(False)
    x = torch.randn(B, C, H, W)
    low = naive_theta(block.theta, x)  # Eq. (2)
    high = naive_theta(block.theta if shared else block.theta_high, low)  # Eq. (3)
    maps, out = block.attention(x), block(x)
    torch.testing.assert_close(maps.low, low)
    torch.testing.assert_close(maps.high, high)
    for b in range(B):
        for c in range(C):
            for y in range(H):
                for z in range(W):
                    f, m, deeper = x[b, c, y, z], low[b, 0, y, z], high[b, 0, y, z]
                    assert torch.isclose(out[b, c, y, z], f + f * (m + m * deeper), atol=1e-5)  # Eq. (4)


def test_plain_attention_is_hsa_without_the_second_order() -> None:
    plain, hsa = randomise(SpatialAttention(kernel_size=3)), HighLevelSpatialAttention(kernel_size=3, shared=False)
    hsa.theta.load_state_dict(plain.theta.state_dict())
    x = torch.randn(B, C, H, W)
    torch.testing.assert_close(plain(x), hsa(x))  # theta_high is zero
    assert not plain.attention(x).high.any()
    randomise(hsa.theta_high)
    assert not torch.allclose(plain(x), hsa(x))


@pytest.mark.parametrize("block", BLOCKS)
def test_identity_at_the_start_and_a_gradient(block: type[nn.Module]) -> None:
    module, x = block(), torch.randn(B, C, H, W)
    assert torch.equal(module(x), x)
    module(x).square().sum().backward()
    assert module.theta.weight.grad.abs().min() > 0


@pytest.mark.parametrize(("shared", "number"), [(True, 99), (False, 198)])
def test_parameters(shared: bool, number: int) -> None:
    assert sum(p.numel() for p in HighLevelSpatialAttention(64, shared=shared).parameters()) == number


@pytest.mark.parametrize("block", BLOCKS)
def test_errors(block: type[nn.Module]) -> None:
    with pytest.raises(ValueError, match="odd and positive, got 4"):
        block(kernel_size=4)
    with pytest.raises(ValueError, match=r"features \(B, 8, H, W\), got shape \(1, 4, 3, 3\)"):
        block(8)(torch.zeros(1, 4, 3, 3))
    with pytest.raises(ValueError, match=r"\(B, C, H, W\), got shape \(4, 3, 3\)"):
        block()(torch.zeros(4, 3, 3))


STOCK = dict(type="ResNet", depth=50, base_channels=4, stem_channels=4, zero_init_residual=False)


def with_plugins(kind: str, name: str) -> dict:
    """A ResNet-50 with a block in its last stage: MMPose's with our builder, MMDetection's with its own argument."""
    if kind == "mmpose":
        plugins = [dict(cfg=dict(type=name), after=("layer3.0.conv2", "layer4"))]
        return dict(type="backbone_with_plugins", backbone=STOCK, plugins=plugins)
    plugin = dict(cfg=dict(type=f"mmpose.{name}"), position="after_conv3", stages=(False, False, False, True))
    return {**STOCK, "type": "mmdet.ResNet", "out_indices": (3,), "plugins": [plugin]}


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("kind", ["mmpose", "mmdet"])
def test_plugin_in_a_stock_resnet(kind: str, block: type[nn.Module]) -> None:
    """A whole pose estimator from a config; the plugin starts as the identity, and then it has a say."""
    backbone = with_plugins(kind, block.__name__)
    head = dict(type="HeatmapHead", in_channels=128, out_channels=3)
    model = MODELS.build(dict(type="TopdownPoseEstimator", backbone=backbone, head=head))
    model.init_weights()
    model.eval()
    inserted = [module for module in model.modules() if isinstance(module, block)]
    assert len(inserted) == {"mmpose": 2, "mmdet": 3}[kind]
    x = torch.randn(1, 3, 64, 64)
    before = model(x, None, mode="tensor")
    copied = copy.deepcopy(model)
    for module in inserted:
        randomise(module)
    after = model(x, None, mode="tensor")
    assert after.shape == before.shape and not torch.allclose(after, before, atol=0)
    assert torch.equal(copied(x, None, mode="tensor"), before)  # a copy has its own plugins
    after.sum().backward()
    assert all(module.theta.weight.grad.any() for module in inserted)


def test_plugins_leave_the_keys_of_the_stock_network() -> None:
    stock, ours = MODELS.build(STOCK), MODELS.build(with_plugins("mmpose", "HighLevelSpatialAttention"))
    for network in (stock, ours):
        network.eval()  # returns nothing in MMPose
    missing, unexpected = ours.load_state_dict(stock.state_dict(), strict=False)
    assert not unexpected and all("theta" in key for key in missing)
    x = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(ours(x), stock(x))
