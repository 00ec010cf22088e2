"""The backbone: switches, gate, errors, loading at another resolution."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch

from mmpose_ext.layers.deploy import switch_to_deploy
from mmpose_ext.layers.fused_linear import FusedLinear
from mmpose_ext.models.sharpose import ARCHS, OFFICIAL, SHaRPose, sine_positions
from mmpose_ext.toolbox.export.onnx_file import export_onnx
from mmpose_ext.toolbox.inference.onnx_runtime import onnx_session

TINY = dict(width=16, depth=4, num_heads=2)


def tiny(**kwargs) -> SHaRPose:
    """A small network with weights that matter."""
    torch.manual_seed(0)
    network = SHaRPose(TINY, **{"num_keypoints": 5, "input_size": (32, 48), "patch_size": 4, **kwargs})
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network.eval()


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(4, 3, 48, 32)


def test_the_official_start():
    network = SHaRPose(TINY, input_size=(32, 48), patch_size=4, init_cfg=OFFICIAL)
    network.init_weights()
    with pytest.warns(UserWarning, match="zeros as coarse_positions and fine_positions, from which nothing"):
        network.train()
    for name in ("keypoint_tokens", "quality_token", "coarse_positions", "fine_positions"):
        assert not getattr(network, name).any()
    for name, parameter in network.named_parameters():
        if name.endswith("norm.weight") or "norm1.weight" in name or "norm2.weight" in name:
            assert (parameter == 1).all()
        elif name.endswith(("fc1.weight", "qkv.weight", "proj.weight")):
            assert 0.015 < parameter.std() < 0.025 and parameter.abs().max() < 0.1
        elif name.endswith("bias") and "patch_embed" not in name:
            assert not parameter.any()
    assert network.patch_embed.bias.any()
    rates = [getattr(block.drop_path, "drop_prob", 0.0) for block in network.blocks]
    assert rates == pytest.approx([0, 0.1 / 3, 0.2 / 3, 0.1])


def test_the_start_from_scratch_is_the_default():
    torch.manual_seed(0)
    network = SHaRPose(dict(width=64, depth=2, num_heads=2), input_size=(32, 48), patch_size=4)
    network.init_weights()
    for name, grid in network.grids.items():
        torch.testing.assert_close(getattr(network, name).detach(), sine_positions(grid, 64))
    assert 0.4 < network.keypoint_tokens.std() < 0.6 and 0.3 < network.quality_token.std() < 0.7
    block = network.blocks[1]
    for linear, limit in ((block.attn.qkv, 6 / 256), (block.attn.proj, 6 / 128), (block.mlp.fc1, 6 / 320)):
        assert linear.weight.abs().max() <= limit**0.5 and not linear.bias.any()
        assert linear.weight.std().item() == pytest.approx((limit / 3) ** 0.5, rel=0.05)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network.train()


@pytest.mark.parametrize(
    "switch",
    [
        dict(skip_last_keypoint=False),
        dict(average_from=0),
        dict(unselected="output"),
        dict(rounding="floor", alpha=0.4),
        dict(quality_activation="sigmoid"),
    ],
    ids=str,
)
def test_every_switch_changes_something(switch, images):
    alpha = {"alpha": switch.get("alpha", 0.5)}
    one, other = tiny(**alpha), tiny(**{**alpha, **switch})
    other.load_state_dict(one.state_dict(), strict=True)
    with torch.no_grad():
        scores = [network.coarse_stage(network.embed(images)).scores for network in (one, other)]
        a, b = one(images), other(images)
    assert torch.equal(a.coarse, b.coarse)
    assert not all(torch.equal(x, y) for x, y in ((a.quality, b.quality), (a.fine, b.fine), scores))


def test_only_samples_below_the_threshold_are_refined(images):
    network = tiny()
    with torch.no_grad():
        everything = network(images)
        network.quality_threshold = float(everything.quality[2])  # strictly below: sample 2 stays
        gated = network(images)
    below = everything.quality < everything.quality[2]
    assert 0 < below.sum() < 4
    assert torch.equal(gated.refined, below)
    torch.testing.assert_close(gated.fine[below], everything.fine[below])
    assert torch.equal(gated.fine[~below], everything.coarse[~below])


def test_the_gate_is_open_in_training_and_before_the_predictor_is_trained(images):
    network = tiny(quality_threshold=-1e9, drop_path_rate=0.0)
    with torch.no_grad():
        assert not network(images).refined.any()
        network.early_exit = False
        assert network(images).refined.all()
        network.early_exit = True
        assert network.train()(images).refined.all()


def test_a_threshold_without_a_trained_predictor():
    network = SHaRPose(TINY, input_size=(32, 48), patch_size=4, quality_threshold=0.9)
    network.init_weights()
    with pytest.warns(UserWarning, match="quality_threshold is 0.9, but the quality predictor was never trained"):
        network.eval()
    torch.nn.init.ones_(network.quality_predictor.layers[-1].bias)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network.eval()
        network.quality_threshold = None
        torch.nn.init.zeros_(network.quality_predictor.layers[-1].bias)
        network.eval()


def test_without_a_threshold_no_value_is_looked_at():
    """Tensors without values stand for a device that nobody waits for."""
    network = tiny().to("meta")
    images = torch.empty(4, 3, 48, 32, device="meta")
    assert network(images).fine.shape == (4, 5, 16)
    assert network.train()(images).fine.shape == (4, 5, 16)
    network.quality_threshold = 0.5
    assert network.train()(images).fine.shape == (4, 5, 16)
    with pytest.raises(NotImplementedError):
        network.eval()(images)


@pytest.mark.parametrize("threshold", [None, 0.0])
def test_mixed_precision(threshold, images):
    network = tiny(quality_threshold=threshold)
    with torch.no_grad():
        expected = network(images)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            features = network(images)
    assert features.selected.shape == expected.selected.shape
    assert (features.coarse.float() - expected.coarse).abs().max() < 0.1 * expected.coarse.abs().max()
    assert features.fine.isfinite().all()


@pytest.mark.parametrize(("coarse", "fine", "ratio"), [(0.25, 1.0, 4), (1.0, 1.0, 1), (0.5, 0.5, 1), (1.0, 2.0, 2)])
def test_scales(coarse, fine, ratio):
    network = tiny(coarse_scale=coarse, fine_scale=fine, input_size=(32, 64))
    assert network.ratio == ratio
    features = network(torch.randn(2, 3, 64, 32))
    assert features.fine.shape == (2, 5, 16) and features.fine.isfinite().all()


def test_checkpoint_of_another_resolution():
    small, large = tiny(), tiny(input_size=(64, 96))
    large.load_state_dict(small.state_dict(), strict=True)
    assert large.coarse_positions.shape == (1, 96, 16)
    expected = torch.nn.functional.interpolate(
        small.fine_positions.unflatten(1, (12, 8)).permute(0, 3, 1, 2), (24, 16), mode="bicubic", align_corners=False
    )
    torch.testing.assert_close(large.fine_positions, expected.permute(0, 2, 3, 1).flatten(1, 2))


def untold(network: SHaRPose, positions: int) -> dict[str, torch.Tensor]:
    """A state dict without grids, with another table."""
    rest = {key: value for key, value in network.state_dict().items() if not key.endswith("_grid")}
    return rest | {"coarse_positions": torch.randn(1, positions, 16)}


def test_square_positions_fit_any_grid():
    network = tiny()
    network.load_state_dict(untold(network, 14 * 14), strict=True)
    assert network.coarse_positions.shape == (1, 24, 16)


def test_positions_of_no_grid():
    network = tiny()
    with pytest.raises(ValueError, match="grid shaped like 6x4, or with sides of at most 2:1, got 23 positions"):
        network.load_state_dict(untold(network, 23))
    with pytest.raises(ValueError, match="expected a table of 6x4 positions, got 23"):
        network.load_state_dict(network.state_dict() | {"coarse_positions": torch.zeros(1, 23, 16)})


def test_checkpoint_with_another_number_of_key_points():
    network, other = tiny(), tiny(num_keypoints=7)
    with pytest.warns(UserWarning, match="5 keypoints and this model 7: all keypoint tokens start from the mean"):
        other.load_state_dict(network.state_dict(), strict=True)
    torch.testing.assert_close(other.keypoint_tokens, network.keypoint_tokens.mean(1, keepdim=True).expand(-1, 7, -1))
    assert torch.equal(other.quality_token, network.quality_token)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (dict(alpha=1.5), "expected alpha between 0 and 1, got 1.5"),
        (dict(input_size=(30, 48)), "multiples of the patch size 4, got 48x30"),
        (dict(patch_size=5), "multiples of the patch size 5"),
        (dict(coarse_scale=1.0, fine_scale=1.5), "expected fine_scale to be a multiple of coarse_scale, got 1.5, 1.0"),
        (dict(coarse_scale=1.0, fine_scale=0.5), "expected fine_scale to be a multiple of coarse_scale"),
        (dict(unselected="both"), "unselected must be 'input' or 'output', got 'both'"),
        (dict(average_from=4), "expected average_from between 0 and 3, got 4"),
        (dict(rounding="up"), "rounding must be"),
        (dict(quality_activation="tanh"), "expected a quality activation among"),
    ],
    ids=lambda x: str(x) if isinstance(x, dict) else "",
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        tiny(**kwargs)


@pytest.mark.parametrize("arch", ["huge", dict(depth=3), dict(width=8, heads=2)])
def test_unknown_arch(arch):
    with pytest.raises(ValueError, match="arch must"):
        SHaRPose(arch)


def test_heads_that_do_not_fit():
    with pytest.raises(ValueError, match="expected a width that is a multiple of the 3 heads, got 16"):
        SHaRPose(dict(width=16, num_heads=3))


def test_image_of_another_size(images):
    with pytest.raises(ValueError, match=r"expected images of height and width \(48, 32\).*got \(32, 48\)"):
        tiny()(images.transpose(2, 3))


def test_table_2():
    assert {name: arch.width for name, arch in ARCHS.items()} == {"small": 384, "base": 768}
    assert {(arch.depth, arch.num_heads, arch.mlp_ratio) for arch in ARCHS.values()} == {(12, 12, 4.0)}


@pytest.mark.parametrize("threshold", [None, 0.0])
def test_deployed_form(threshold, images):
    network = tiny(quality_threshold=threshold)
    deployed = switch_to_deploy(copy.deepcopy(network))
    assert sum(isinstance(module, FusedLinear) for module in deployed.modules()) == 4 * 4 + 2 + 3
    with torch.no_grad():
        expected, got = network(images), deployed(images)
    assert torch.equal(got.selected, expected.selected) and torch.equal(got.refined, expected.refined)
    for name in ("coarse", "fine", "quality"):
        torch.testing.assert_close(getattr(got, name), getattr(expected, name), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("gated", [False, True])
def test_onnx_at_any_batch_size(gated, tmp_path):
    network, images = tiny(), torch.randn(8, 3, 48, 32)
    if gated:
        network.quality_threshold = float(network(images).quality.detach().median())
    report = export_onnx(network, tmp_path / "network.onnx", shape=(48, 32))
    assert report.batch is None
    session = onnx_session(report.path, threads=1)
    names = [output.name for output in session.get_outputs()]
    got = dict(zip(names, session.run(None, {"images": images.numpy()}), strict=True))
    with torch.no_grad():
        expected = network(images)
    fine, refined = (torch.from_numpy(got[names[i]]) for i in (1, 3))
    assert torch.equal(refined, expected.refined)
    assert 0 < refined.sum() < 8 or not gated
    torch.testing.assert_close(fine, expected.fine, rtol=1e-4, atol=1e-4)
