"""The backbone: sizes, errors, loading at another resolution, the deployed form."""

import copy

import pytest
import torch
from mmengine.runner.checkpoint import load_state_dict as load_as_mmengine
from mmpose.registry import MODELS
from torch import nn

from mmpose_ext.layers.deploy import switch_to_deploy
from mmpose_ext.models.xhrnet import MultiResolutionModule, XHRNet
from mmpose_ext.models.xhrnet.susa import ChannelwiseAffine

TINY = dict(num_modules=(1, 1, 1), channels=(8, 16, 32, 64), stem_channels=8, num_blocks=1)


def tiny(**kwargs) -> XHRNet:
    """A small network with weights that matter."""
    network = XHRNet(TINY, **{"input_size": (64, 96), **kwargs})
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            torch.nn.init.normal_(value, std=0.3) if "running_var" not in name else value.fill_(0.8)
    return network.eval()


@pytest.mark.parametrize("size", [(96, 64), (64, 64), (128, 160)])
def test_any_multiple_of_32(size):
    (out,) = tiny()(torch.randn(1, 3, *size))
    assert out.shape == (1, 8, size[0] // 4, size[1] // 4)
    assert out.isfinite().all()


def test_all_branches_on_request():
    outs = tiny(out_indices=(0, 1, 2, 3))(torch.randn(1, 3, 96, 64))
    assert [tuple(x.shape[1:]) for x in outs] == [(8, 24, 16), (8, 12, 8), (16, 6, 4), (32, 3, 2)]


def test_checkpoint_of_another_resolution_loads_and_agrees():
    small, x = tiny(), torch.randn(1, 3, 192, 128)
    large = XHRNet(TINY, input_size=(128, 192)).eval()
    large.load_state_dict(small.state_dict(), strict=True)
    torch.testing.assert_close(large(x)[0], small(x)[0], rtol=1e-4, atol=1e-5)


def test_fixed_averaging_is_the_official_limit():
    network = tiny(fixed_averaging=(24, 16))
    assert network(torch.randn(1, 3, 96, 64))[0].isfinite().all()
    with pytest.raises(ValueError, match="has 32 positions.*only 24"):
        network(torch.randn(1, 3, 128, 64))


@pytest.mark.parametrize("block", ["x-shuffle", "parallel", "reversed", "baseline"])
def test_deployed_form_has_equal_output(block):
    network = tiny(block=block)
    x = torch.randn(2, 3, 96, 64)
    deployed = switch_to_deploy(copy.deepcopy(network))
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in deployed.modules())
    expected = network(x)[0]
    assert (deployed(x)[0] - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_deployed_form_takes_any_size_and_fixed_averaging():
    for kwargs in ({}, {"fixed_averaging": (48, 36)}):
        network = tiny(**kwargs)
        deployed = switch_to_deploy(copy.deepcopy(network))
        for size in ((96, 64), (160, 128)):
            x = torch.randn(1, 3, *size)
            expected = network(x)[0]
            assert (deployed(x)[0] - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize("by", ["ours", "MMPose"])
def test_deployed_form_of_a_whole_estimator(by):
    codec = dict(type="MSRAHeatmap", input_size=(64, 96), heatmap_size=(16, 24), sigma=2)
    head = dict(type="HeatmapHead", in_channels=8, out_channels=3, deconv_out_channels=None, decoder=codec)
    backbone = dict(type="XHRNet", arch=TINY, input_size=(64, 96))
    estimator = MODELS.build(dict(type="TopdownPoseEstimator", backbone=backbone, head=head)).eval()
    x = torch.randn(1, 3, 96, 64)
    expected = estimator(x, None, mode="tensor")
    deployed = copy.deepcopy(estimator)
    if by == "ours":
        switch_to_deploy(deployed)
    else:
        deployed.switch_to_deploy()
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in deployed.backbone.modules())
    torch.testing.assert_close(deployed(x, None, mode="tensor"), expected, rtol=1e-4, atol=1e-6)


def test_norm_eval_keeps_the_statistics():
    network = tiny(norm_eval=True).train()
    assert network.train() is network
    before = copy.deepcopy(network.stem.conv1.bn.running_mean)
    network(torch.randn(2, 3, 64, 64))
    assert torch.equal(network.stem.conv1.bn.running_mean, before)


@pytest.mark.parametrize("block", ["x-shuffle", "parallel"])
def test_every_parameter_starts_as_in_the_official_code(block):
    """All convolutions N(0, 0.001^2), which SUSA's products are too; biases 0, scales 1, averaging vectors 1."""
    torch.manual_seed(0)
    network = XHRNet("18", block=block)
    network.init_weights()
    norms = {name for name, module in network.named_modules() if isinstance(module, (nn.BatchNorm2d, nn.LayerNorm))}
    drawn = []
    for name, parameter in network.named_parameters():
        owner, kind = name.rpartition(".")[::2]
        if kind == "bias":
            assert not parameter.any(), name
        elif kind == "averaging" or owner in norms:
            assert torch.equal(parameter, torch.ones_like(parameter)), name
        else:
            values = parameter.flatten() / 0.001
            assert abs(values.mean()) < 5 / len(values) ** 0.5, name
            assert abs(values.std() - 1) < 5 / (2 * len(values)) ** 0.5, name
            drawn.append(values)
    assert len(drawn) == sum(isinstance(m, (nn.Conv2d, nn.Linear, ChannelwiseAffine)) for m in network.modules())
    assert abs(torch.cat(drawn).std() - 1) < 0.01


def trained(network):
    """A training step, with its gradients and statistics."""
    torch.manual_seed(3)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3)
    network.train()
    sum(x.square().sum() for x in network(torch.randn(2, 3, 64, 64))).backward()
    return network


@pytest.mark.parametrize("block", ["x-shuffle", "parallel"])
def test_gradient_checkpointing_changes_nothing(block):
    plain, saving = (trained(XHRNet(TINY, block=block, with_cp=with_cp)) for with_cp in (False, True))
    for (name, one), other in zip(plain.named_parameters(), saving.parameters(), strict=True):
        torch.testing.assert_close(other.grad, one.grad, msg=name)
    for (name, one), other in zip(plain.named_buffers(), saving.buffers(), strict=True):
        assert torch.equal(one, other), name
    assert {module.momentum for module in saving.modules() if isinstance(module, nn.BatchNorm2d)} == {0.1}


def test_gradient_checkpointing_computes_blocks_twice():
    calls = []
    network = XHRNet(TINY, with_cp=True)
    network.stages[0][0].branches[0][0].layers.register_forward_pre_hook(lambda *_: calls.append(1))
    trained(network)
    assert len(calls) == 2


def test_double_statistics_are_those_of_two_evaluations():
    torch.manual_seed(0)
    once, twice = (MultiResolutionModule((8, 16, 32), (8, 8), double_statistics=double) for double in (False, True))
    twice.load_state_dict(once.state_dict())
    for name in ("0to1", "0to2"):  # the official code evaluates these paths twice
        once.paths[name].register_forward_hook(evaluate_again)
    maps = [torch.randn(2, 8 << i, 8 >> i, 8 >> i) for i in range(3)]
    for _ in range(3):
        once.train()(maps)
        twice.train()(maps)
    for (name, one), other in zip(once.named_buffers(), twice.buffers(), strict=True):
        if one.is_floating_point():
            torch.testing.assert_close(one, other, msg=name)
    assert any(
        module.momentum == pytest.approx(0.19)
        for module in XHRNet(TINY, double_statistics=True).modules()
        if isinstance(module, nn.BatchNorm2d)
    )
    assert all(module.momentum == 0.1 for module in XHRNet(TINY).modules() if isinstance(module, nn.BatchNorm2d))


def evaluate_again(module, inputs, output):
    return output if getattr(module, "again", False) else again(module, inputs[0], output)


def again(module, x, output):
    module.again = True
    module(x)
    module.again = False
    return output


@pytest.mark.parametrize(("out_indices", "frozen"), [((0,), 0), ((0, 3), 0), ((1, 2), 6), ((2,), 24), ((3,), 51)])
def test_what_no_returned_map_depends_on_is_frozen(out_indices, frozen):
    network = trained(XHRNet(TINY, out_indices=out_indices))
    assert sum(not parameter.requires_grad for parameter in network.parameters()) == frozen
    for name, parameter in network.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name


def test_deployed_network_is_not_trained():
    deployed = switch_to_deploy(tiny())
    assert deployed.eval() is deployed
    with pytest.raises(ValueError, match="XHRNet is in its deployed form.*can't be trained"):
        deployed.train()
    with pytest.raises(ValueError, match="deployed form"):
        nn.Sequential(copy.deepcopy(deployed)).train()


@pytest.mark.parametrize("load", [nn.Module.load_state_dict, load_as_mmengine])
def test_forms_do_not_load_each_other(load):
    network = tiny()
    deployed = switch_to_deploy(copy.deepcopy(network))
    assert "deployed" in deployed.state_dict() and "deployed" not in network.state_dict()
    with pytest.raises(ValueError, match="training form of XHRNet, got one of the deployed form.*can't be recovered"):
        load(nn.ModuleDict({"backbone": tiny()}), {f"backbone.{k}": v for k, v in deployed.state_dict().items()})
    with pytest.raises(ValueError, match="deployed form of XHRNet, got one of the training form.*before"):
        load(deployed, network.state_dict())
    other, x = switch_to_deploy(tiny()), torch.randn(1, 3, 64, 64)
    load(other, deployed.state_dict())
    assert torch.equal(other(x)[0], deployed(x)[0])


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (dict(arch="50"), "arch must be one of"),
        (dict(arch=dict(depth=18)), "arch must have num_modules"),
        (dict(arch=dict(num_modules=(1, 1))), "2 stages need 3 channel numbers, got 4"),
        (dict(arch=dict(num_modules=(0, 1, 1))), "at least 1"),
        (dict(arch=dict(num_modules=(1,), channels=(7, 14))), "divisible by 2"),
        (dict(block="naive"), "block must be one of"),
        (dict(fusion="max"), "fusion must be"),
        (dict(out_indices=(4,)), r"branches 0 to 3, got \(4,\)"),
        (dict(input_size=(190, 256)), "input_size must be multiples of 32, got 256x190"),
    ],
)
def test_bad_values(kwargs, message):
    with pytest.raises(ValueError, match=message):
        XHRNet(**kwargs)


@pytest.mark.parametrize("size", [(250, 192), (16, 32)])
def test_bad_input(size):
    with pytest.raises(ValueError, match=f"must be multiples of 32, got {size[0]}x{size[1]}"):
        tiny()(torch.randn(1, 3, *size))


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (dict(arch=18), r"arch must be one of \['18', '30'\] or a dict, got 18"),
        (dict(arch=dict(num_modules=2)), "num_modules must be a sequence .* got 2"),
        (dict(arch=dict(num_modules=())), r"num_modules must be a sequence .* got \(\)"),
        (dict(input_size=256), "input_size must be two positive integers, got 256"),
        (dict(input_size=(192,)), r"input_size must be two positive integers, got \(192,\)"),
        (dict(fixed_averaging=96), "fixed_averaging must be two positive integers, got 96"),
    ],
)
def test_values_of_the_wrong_kind(kwargs, message):
    with pytest.raises(ValueError, match=message):
        XHRNet(**kwargs)


@pytest.mark.parametrize("branches", [2, 3, 5])
def test_the_input_is_divisible_by_the_lowest_stride(branches):
    arch = dict(num_modules=(1,) * (branches - 1), channels=(8, 16, 32, 64, 128)[:branches], stem_channels=8)
    stride = 2 ** (branches + 1)
    network = XHRNet(arch, input_size=(stride, 2 * stride)).eval()
    assert network(torch.randn(1, 3, 2 * stride, stride))[0].isfinite().all()
    with pytest.raises(ValueError, match=f"multiples of {stride}"):
        network(torch.randn(1, 3, 3 * stride // 2, stride))


def test_official_averaging_vectors_are_not_squeezed_silently():
    official = tiny(fixed_averaging=(24, 16))
    with pytest.raises(ValueError, match=r"\[16, 24\] long on every branch.*--shape"):
        tiny().load_state_dict(official.state_dict())
