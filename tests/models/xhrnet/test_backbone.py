"""The backbone: sizes, errors, loading at another resolution, the deployed form."""

import copy

import pytest
import torch
from mmpose.registry import MODELS

from mmpose_ext.layers.deploy import switch_to_deploy
from mmpose_ext.models.xhrnet import XHRNet

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


def test_initialisation_of_the_official_code():
    network = XHRNet("18")
    network.init_weights()
    attention = network.stages[0][0].branches[0][0].layers[0]
    assert 0.0009 < network.stages[2][0].paths["3to0"].conv.weight.std() < 0.0011
    assert 0.0008 < attention.value.weight.std() < 0.0012
    assert torch.equal(attention.norm.weight, torch.ones(20))
    assert torch.equal(attention.averaging, torch.ones(48))


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
