"""The backbone: counts of the tables, connections, sizes, errors, the deployed form."""

from __future__ import annotations

import copy

import pytest
import torch
from mmpose.registry import MODELS
from torch import nn

from mmpose_ext.layers.deploy import switch_to_deploy
from mmpose_ext.models.sfm import SFM, HighLevelSpatialAttention, SpatialAttention
from mmpose_ext.toolbox.counting.rules import count
from mmpose_ext.toolbox.networks import PoseNet

TINY = dict(channels=(8, 12, 16), block="conv")


def tiny(**kwargs) -> SFM:
    """A small network whose weights all matter."""
    network = SFM(TINY, **kwargs)
    network.init_weights()
    for name, value in network.state_dict().items():
        if "theta" in name or name.endswith(("bn.weight", "bn.bias")):
            nn.init.normal_(value, 0.5, 0.2)
    return network.eval()


def pose_net(keypoints: int = 16, **backbone) -> PoseNet:
    arch = backbone.get("arch", {})
    channels = arch["channels"][0] if arch else 48
    head = dict(type="SFMHead", in_channels=channels, out_channels=keypoints)
    return PoseNet(MODELS.build(dict(type="TopdownPoseEstimator", backbone=dict(type="SFM", **backbone), head=head)))


@pytest.mark.parametrize(
    ("keypoints", "backbone", "parameters", "macs"),
    [
        (16, dict(bridges=(), attention=None), 1_502_000, 1_696_727_040),  # Table II: 1.5M, 1.7G
        (16, dict(attention=None), 1_502_000, 1_696_727_040),  # Table II: 1.5M, 1.7G
        (16, dict(), 1_502_396, 1_703_249_920),  # Tables I and II: 1.50M, 1.70G
        (17, dict(), 1_502_494, 1_704_822_784),  # Table III: 1.5M, 1.7G
        (16, dict(attention="SpatialAttention"), 1_502_396, 1_699_988_480),
    ],
    ids=["cascaded pyramid", "without HSA", "SFM", "COCO", "plain attention"],
)
def test_counts(keypoints: int, backbone: dict, parameters: int, macs: int) -> None:
    result = count(pose_net(keypoints, **backbone), (256, 256), rules=["macs"])
    assert (result.parameters, result.operations["macs"]) == (parameters, macs)
    assert f"{parameters / 1e6:.2f} {macs / 1e9:.2f}" == "1.50 1.70"


@pytest.mark.parametrize(
    ("arch", "millions", "giga"),
    [
        (dict(channels=(48, 96, 128, 128, 128), num_blocks=2), 1.463, 1.732),
        (dict(channels=(48, 96, 192, 192), block="separable"), 1.503, 1.719),
    ],
)
def test_counts_of_other_designs(arch: dict, millions: float, giga: float) -> None:
    """Widths, depth and block come from the config: other designs that round to 1.5M and 1.7G."""
    result = count(pose_net(arch=arch), (256, 256), rules=["macs"])
    assert (round(result.parameters / 1e6, 3), round(result.operations["macs"] / 1e9, 3)) == (millions, giga)


def test_bridges_cost_nothing_and_hsa_next_to_nothing() -> None:
    def size(**kwargs) -> int:
        return sum(p.numel() for p in SFM(**kwargs).parameters())

    assert size(bridges=(), attention=None) == size(attention=None)
    assert 0 < size() - size(attention=None) < 0.0003 * size()


def test_arrangement_of_the_paper() -> None:
    network = SFM()
    places = [name for name, part in network.named_modules() if isinstance(part, HighLevelSpatialAttention)]
    assert places == ["down1.nodes.4.1", "up1.nodes.1.1", "down2.nodes.4.1", "up2.nodes.1.1"]
    assert list(network.down2.bridges) == ["2", "3", "4"] and not network.down1.bridges
    plain = SFM(attention=dict(type="SpatialAttention", kernel_size=3), attention_at=[(1, 4), (2, 3)])
    places = [name for name, part in plain.named_modules() if isinstance(part, SpatialAttention)]
    assert places == ["down2.nodes.2.1", "up2.nodes.1.1"]


@pytest.mark.parametrize(
    ("kwargs", "nodes"),
    [(dict(attention_at="deepest"), 2), (dict(attention_at="outputs"), 2), (dict(attention_at="all"), 9)],
)
def test_positions(kwargs: dict, nodes: int) -> None:
    assert sum(isinstance(part, HighLevelSpatialAttention) for part in tiny(**kwargs).modules()) == nodes


def stops(network: SFM, cut: tuple[str, ...]) -> bool:
    """Whether the final output no longer depends on the map X_22, when the other ways out of it are cut."""
    x22 = {}
    handles = [network.up1.nodes["2"].register_forward_hook(lambda m, i, o: x22.setdefault("map", o.requires_grad_()))]
    for name in cut:
        part = network.get_submodule(name)
        handles.append(part.register_forward_hook(lambda m, i, o: o.detach()))
    network(torch.randn(1, 3, 16, 16)).final.sum().backward()
    for handle in handles:
        handle.remove()
    return x22["map"].grad is None or not x22["map"].grad.any()


def test_a_bridge_is_the_short_way() -> None:
    """Without X_12 in between, X_22 reaches the second pyramid by the bridge, and only by it."""
    assert not stops(tiny().requires_grad_(False), ("up1.nodes.1",))
    with pytest.raises(RuntimeError, match="does not require grad"):  # nothing is left that could
        stops(tiny(bridges=(3,)).requires_grad_(False), ("up1.nodes.1",))


def test_fusions_against_the_equations() -> None:
    """The forward pass, written out with X_lc."""
    n = tiny()
    x = torch.randn(2, 3, 24, 16)

    def up(z: torch.Tensor) -> torch.Tensor:
        return nn.functional.interpolate(z, scale_factor=2, mode="nearest")

    x11 = n.stem(x)
    x21 = n.down1.nodes["2"](n.down1.downsample["2"](x11))
    x32 = x31 = n.down1.nodes["3"](n.down1.downsample["3"](x21))
    x22 = n.up1.nodes["2"](n.up1.fusions["2"].conv(torch.cat([up(x32), x21], 1)))
    x12 = n.up1.nodes["1"](n.up1.fusions["1"].conv(torch.cat([up(x22), x11], 1)))
    x23 = n.down2.nodes["2"](n.down2.downsample["2"](x12) + x22)
    x33 = n.down2.nodes["3"](n.down2.downsample["3"](x23) + x32)
    x24 = n.up2.nodes["2"](up(n.up2.fusions["2"].project(x33)) + x23)
    x14 = n.up2.nodes["1"](up(n.up2.fusions["1"].project(x24)) + x12)
    assert x31 is x32
    features = n(x)
    torch.testing.assert_close(features.middle, x12)
    torch.testing.assert_close(features.final, x14)


@pytest.mark.parametrize(
    "kwargs", [{}, dict(middle_to_final=False), dict(fusions=("concat", "concat", "concat")), dict(attention=None)]
)
def test_deployed_form_has_equal_output(kwargs: dict) -> None:
    network = tiny(**kwargs)
    x = torch.randn(2, 3, 32, 16)
    deployed = switch_to_deploy(copy.deepcopy(network))
    assert not any(isinstance(m, nn.BatchNorm2d) for m in deployed.modules())
    for got, expected in zip(deployed(x), network(x), strict=True):
        assert (got - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_deployed_form_needs_fewer_operations() -> None:
    network = pose_net().eval()
    before = count(network, (256, 256), rules=["macs"]).operations["macs"]
    assert count(switch_to_deploy(network), (256, 256), rules=["macs"]).operations["macs"] < 0.93 * before


@pytest.mark.parametrize("by", ["ours", "MMPose"])
def test_deployed_form_of_a_whole_estimator(by: str) -> None:
    head = dict(type="SFMHead", in_channels=8, out_channels=3)
    config = dict(type="TopdownPoseEstimator", backbone=dict(type="SFM", arch=TINY), head=head)
    model = MODELS.build(config).eval()
    model.backbone = tiny()
    x = torch.randn(1, 3, 32, 16)
    expected = model(x, None, mode="tensor")
    switch_to_deploy(model) if by == "ours" else model.switch_to_deploy()
    assert not any(isinstance(m, nn.BatchNorm2d) for m in model.modules())
    assert model.backbone.up1.fusions["1"].conv is None
    for got, wanted in zip(model(x, None, mode="tensor"), expected, strict=True):
        assert (got - wanted).abs().max() <= 1e-5 * wanted.abs().max()


def test_hsa_starts_as_the_identity() -> None:
    network, without = SFM(TINY), SFM(TINY, attention=None)
    network.init_weights()
    without.load_state_dict({k: v for k, v in network.state_dict().items() if "theta" not in k}, strict=True)
    x = torch.randn(1, 3, 16, 16)
    assert torch.equal(network.eval()(x).final, without.eval()(x).final)
    stem = network.stem[0].conv.weight.detach()  # Kaiming, fan out
    assert stem.std().item() == pytest.approx((2 / (stem.shape[0] * 9)) ** 0.5, rel=0.2)


@pytest.mark.parametrize("size", [(8, 16), (24, 40)])
def test_any_multiple_of_the_stride(size: tuple[int, int]) -> None:
    features = tiny()(torch.randn(1, 3, *size))
    assert features.final.shape == features.middle.shape == (1, 8, size[0] // 2, size[1] // 2)


@pytest.mark.parametrize("size", [(250, 256), (256, 8), (0, 16)])
def test_size_not_divisible(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"multiples of 16, got {size[0]}x{size[1]}"):
        SFM()(torch.zeros(1, 3, *size))


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (dict(arch="small"), r"arch must be one of \['sfm'\] or a dict, got 'small'"),
        (dict(arch=dict(widths=(8, 8))), "arch must have channels and may have"),
        (dict(arch=dict(channels=(8,))), "two levels or more"),
        (dict(arch=dict(channels=(8, 8), num_blocks=0)), "positive numbers.*num_blocks 0"),
        (dict(arch=dict(channels=(8, 10))), "divisible by 4, got 10"),
        (dict(arch=dict(channels=(8, 8), block="swin")), "block must be one of.*got 'swin'"),
        (dict(fusions=("concat", "max", "add")), r"fusion must be one of \['add', 'concat'\], got 'max'"),
        (dict(fusions="add"), "three names: first pyramid, second pyramid, bridges; got 'add'"),
        (dict(bridges=(1, 2)), r"bridges must be 'all' or different levels among \(2, 3, 4\), got \(1, 2\)"),
        (dict(bridges="none"), "bridges must be 'all'.*got 'none'"),
        (dict(attention_at="top"), "attention_at must be one of.*got 'top'"),
        (dict(attention_at=[(1, 3)]), r"attention_at must hold different \(level, column\) pairs.*got \[\(1, 3\)\]"),
        (dict(attention_at=[(1, 2), (1, 2)]), "different"),
    ],
)
def test_bad_values(kwargs: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SFM(**kwargs)


def test_unknown_attention() -> None:
    with pytest.raises(KeyError, match="LowLevelSpatialAttention is not in the mmpose::model registry"):
        SFM(attention="LowLevelSpatialAttention")
