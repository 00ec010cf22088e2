"""The deployed form computes what the training form computes."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from mmcv.cnn import ConvModule
from torch import nn

from mmpose_ext.layers.deploy import fold_batch_norms, is_deployable, switch_to_deploy
from mmpose_ext.models.scanet.hourglass import PreActivationResidual
from mmpose_ext.models.ssn import FeatureShiftModule
from mmpose_ext.toolbox.export.onnx_file import export_onnx, flatten_output
from mmpose_ext.toolbox.networks import PoseNet
from tests.mixing.networks import COMBINATIONS, Network
from tests.training.networks import FIVE, build, scanet, sharpose, three_blocks


def randomise(model: nn.Module) -> nn.Module:
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)  # of both signs
            nn.init.normal_(module.bias)
            with torch.no_grad():
                module.weight[:2] = torch.tensor([0, 1e-306])  # no threshold has a number for these
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return model.eval().double()


def assert_same_output(before: nn.Module, after: nn.Module, x: torch.Tensor) -> None:
    expected, got = before(x.double()), after(x.double())
    assert (got - expected).abs().max() <= 1e-12 * expected.abs().max()


class Numbered(nn.Module):
    """A ResNet-like block: custom forward, numbered attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 4, 1)
        self.bn2 = nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))


class Crossed(nn.Module):
    """Registered in another order than executed: nothing may be folded."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 1)
        self.conv2 = nn.Conv2d(4, 4, 1)
        self.bn1 = nn.BatchNorm2d(4)
        self.bn2 = nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))


class OwnForm(nn.Module):
    """A module with a deployed form of its own, put inside another one."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1)

    def switch_to_deploy(self) -> None:
        merged = nn.Conv2d(3, 4, 1).to(self.left.weight)
        with torch.no_grad():
            merged.weight.copy_(self.left.weight + self.right.weight)
            merged.bias.copy_(self.left.bias + self.right.bias)
        self.left, self.right = merged, None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.left(x) if self.right is None else self.left(x) + self.right(x)


@pytest.mark.parametrize(
    ("model", "norms_left"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1)), 0),
        (nn.Sequential(nn.Conv2d(3, 6, 3, groups=3), nn.BatchNorm2d(6)), 0),
        (nn.Sequential(ConvModule(3, 4, 3, norm_cfg=dict(type="BN"))), 0),
        (ConvModule(3, 4, 3, norm_cfg=dict(type="BN"), order=("norm", "conv", "act")), 1),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4)), 1),
        (nn.Sequential(nn.Conv2d(3, 3, 3), nn.ConvTranspose2d(3, 5, 2), nn.BatchNorm2d(5)), 0),
        (nn.Sequential(nn.ConvTranspose2d(3, 6, 2, groups=3), nn.BatchNorm2d(6)), 1),
        (nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)), 0),
        (nn.Sequential(nn.MaxPool2d(2), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 6, 2, groups=3, bias=False)), 0),
        (nn.Sequential(nn.MaxPool2d(2), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 6, 3, padding=1)), 1),
        (nn.Sequential(nn.BatchNorm2d(3), nn.ReLU6(), nn.Conv2d(3, 4, 1)), 1),
        (Numbered(), 0),
        (Crossed(), 2),
        (PreActivationResidual(3, 4, norm_cfg=dict(type="BN")), 0),
        (nn.Sequential(OwnForm(), nn.BatchNorm2d(4), nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else str(value),
)
def test_output_is_equal(model: nn.Module, norms_left: int) -> None:
    before = randomise(model)
    after = switch_to_deploy(copy.deepcopy(before))
    assert_same_output(before, after, torch.randn(2, 3, 9, 9))
    assert sum(isinstance(module, nn.BatchNorm2d) for module in after.modules()) == norms_left
    assert not any(module.training for module in after.modules())


def test_own_form_is_used() -> None:
    model = nn.Sequential(OwnForm()).eval()
    assert is_deployable(model)
    switch_to_deploy(model)
    assert model[0].right is None
    assert not is_deployable(nn.Conv2d(1, 1, 1))


@pytest.mark.parametrize("function", [switch_to_deploy, fold_batch_norms])
def test_refuses_training_mode(function) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sequential(nn.BatchNorm2d(4))).eval()
    model[1].train()
    with pytest.raises(ValueError, match=r"expected a model in eval\(\) mode, got training mode in '1'"):
        function(model)


@pytest.mark.parametrize(
    "options", [{}, dict(attention=None), dict(shifting=False, norm_cfg=dict(type="GN", num_groups=1))]
)
def test_a_norm_behind_a_sum(options: dict) -> None:
    """That of an FSM stands behind ``expand`` in the code, and normalizes more than its output."""
    before = randomise(FeatureShiftModule(3, 5, **options))
    x = torch.randn(2, 3, 9, 7)
    assert_same_output(before, fold_batch_norms(copy.deepcopy(before)), x)
    after = switch_to_deploy(copy.deepcopy(before))
    for layout in (torch.channels_last, torch.contiguous_format):
        assert_same_output(before, after, x.contiguous(memory_format=layout))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in after.modules())


NETWORKS: dict[str, Network] = {
    **FIVE,
    "SHaRPose, fine only": sharpose("SHaRPoseOneStage", scale=1.0),
    "3Block+3FSM": three_blocks(),
    "SCANet, soft": scanet(variant="soft"),
    **{name: network for name, network in COMBINATIONS.items() if " with " in name},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_whole_networks_as_after_a_training(name: str) -> None:
    """With statistics of batch norms and offsets that have moved; with their first values a wrong fold is invisible."""
    before = randomise(PoseNet(build(NETWORKS[name])).requires_grad_(False))
    images = torch.randn(2, 3, 64, 64).double()
    expected = flatten_output(before(images))
    after = switch_to_deploy(before)
    for got, wanted in zip(flatten_output(after(images)), expected, strict=True):
        assert (got - wanted).abs().max() <= 1e-10 * wanted.abs().max()
    assert [name for name, module in after.named_modules() if isinstance(module, nn.BatchNorm2d)] == []


@pytest.mark.parametrize("name", ["SSN", "3Block+3FSM", "SCANet"])
def test_a_traced_form_takes_any_batch(name: str) -> None:
    network = switch_to_deploy(PoseNet(build(NETWORKS[name])).requires_grad_(False).eval())
    images = torch.randn(3, 3, 64, 64)
    traced = torch.jit.freeze(torch.jit.trace(network, images[:1], check_trace=False))
    for got, wanted in zip(flatten_output(traced(images)), flatten_output(network(images)), strict=True):
        torch.testing.assert_close(got, wanted, rtol=0, atol=1e-5 * float(wanted.abs().max()))


@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
def test_clamps_of_both_signs_in_a_file(exporter: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    before = nn.Sequential(nn.Conv2d(3, 8, 1), PreActivationResidual(8, 8, norm_cfg=dict(type="BN")))
    before = randomise(before).float()
    after = switch_to_deploy(copy.deepcopy(before))
    assert after[1].norm1.high.isfinite().any() and after[1].norm1.low.isfinite().any()
    report = export_onnx(after, tmp_path / "x.onnx", shape=(8, 8), exporter=exporter, reference=before)
    assert report.max_difference < 1e-5


@pytest.mark.parametrize("name", FIVE)
def test_none_of_the_five_is_trained_or_loaded_in_the_other_form(name: str) -> None:
    plain, deployed = (build(FIVE[name]).eval().backbone for _ in range(2))
    switch_to_deploy(deployed)
    with pytest.raises(ValueError, match="is in its deployed form.*can't be trained"):
        deployed.train()
    with pytest.raises(ValueError, match="training form.*got one of the deployed form"):
        plain.load_state_dict(deployed.state_dict())
    with pytest.raises(ValueError, match="deployed form.*got one of the training form"):
        deployed.load_state_dict(plain.state_dict())
    other = switch_to_deploy(build(FIVE[name], seed=1).eval()).backbone
    other.load_state_dict(deployed.state_dict())
    images = torch.randn(1, 3, 64, 64)
    outputs = [flatten_output(network(images)) for network in (other, deployed)]
    assert all(torch.equal(a, b) for a, b in zip(*outputs, strict=True))
