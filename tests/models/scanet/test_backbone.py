"""The counts of the paper and the reference, the wiring of the stacks, losses, and errors."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS
from mmpose.testing import get_packed_inputs

from mmpose_ext.models.scanet import VARIANTS, BDMPSCANet, Hourglass, PreActivationResidual, StackedHourglass
from mmpose_ext.toolbox.counting.rules import MACS, count_parameters

TINY = dict(num_keypoints=5, channels=8, depth=2)
TABLE = {
    "baseline": ((3.426, 5.15), (6.570, 8.33), (12.858, 14.70)),
    "msfi": (None, (6.669, 8.56), (13.055, 15.15)),
    "bdmp": (None, (6.797, 9.08), (13.311, 16.19)),
    "sacwa": (None, (7.834, 13.26), (15.385, 24.55)),
    "ssa": (None, (6.669, 8.56), (13.056, 15.15)),
    "sca": (None, (7.834, 13.26), (15.386, 24.55)),
    "all": ((4.122, 7.87), (7.962, 13.78), (15.641, 25.59)),
}
"""Parameters in 10^6 and GMACs at 256x256 of 1, 2 and 4 stacks, 16 keypoints, from the counts by hand.

With messages computed where they are cheapest the network executes less than that table, see `SAVED`.
"""
SAVED = 0.0313
"""GMACs per stack, of 0.260, that message passing saves by working at 8x8 where it can. At 256x256 itself it is 0.036:
collapsing the kernels is counted 16 times here."""


def network(variant: str, stacks: int, keypoints: int = 16) -> StackedHourglass:
    with torch.device("meta"):
        if variant == "baseline":
            return StackedHourglass(stacks, keypoints)
        return BDMPSCANet(stacks, keypoints, variant=variant)


@pytest.mark.parametrize("column", range(3), ids=["1 stack", "2 stacks", "4 stacks"])
@pytest.mark.parametrize("variant", list(TABLE))
def test_parameters(variant: str, column: int) -> None:
    row = TABLE[variant][column]
    if row is None:
        pytest.skip("not in the table")
    assert count_parameters(network(variant, (1, 2, 4)[column])) / 1e6 == pytest.approx(row[0], abs=5e-4)


def test_published_parameters() -> None:
    """15.6M of the text, and what the counts of Newell's network and of 17 joints come to."""
    assert count_parameters(network("all", 4)) == 15_640_836
    assert round(count_parameters(network("all", 4)) / 1e6, 1) == 15.6
    assert count_parameters(network("baseline", 8)) / 1e6 == pytest.approx(25.434, abs=5e-4)
    assert count_parameters(network("all", 4, 17)) / 1e6 == pytest.approx(15.643, abs=5e-4)


@pytest.mark.parametrize("variant", list(TABLE))
def test_multiply_accumulates(variant: str) -> None:
    """Of one stack, and of what a second one adds; 64x64 and times 16, as all of it is convolutions."""
    torch.manual_seed(0)
    images = torch.zeros(1, 3, 64, 64)
    one, two = (
        (StackedHourglass(n, 16) if variant == "baseline" else BDMPSCANet(n, 16, variant=variant)) for n in (1, 2)
    )
    first, second = (16 * MACS(net.eval(), images) / 1e9 for net in (one, two))
    passing = variant != "baseline" and VARIANTS[variant].message_passing
    for stacks, row in zip((1, 2, 4), TABLE[variant], strict=True):
        if row is not None:
            expected = row[1] - stacks * SAVED * passing
            assert first + (stacks - 1) * (second - first) == pytest.approx(expected, abs=0.01)


def test_mmpose_has_another_hourglass() -> None:
    with torch.device("meta"):
        stock = MODELS.get("HourglassNet")(num_stacks=1)
        ratio = count_parameters(stock) / count_parameters(StackedHourglass(1, 16))
    assert 27 < ratio < 28.5


def test_hourglass_against_the_recursive_definition() -> None:
    """Newell's definition: an upper path, and below it, at half the resolution, a hourglass of one level less."""
    hourglass = Hourglass(3, 4, norm_cfg=dict(type="BN")).eval()
    decoded = []

    def recurse(level: int, x: torch.Tensor) -> torch.Tensor:
        upper = hourglass.skip[level](x)
        lower = hourglass.down[level](F.max_pool2d(x, 2))
        lower = recurse(level + 1, lower) if level < 2 else hourglass.bottom(lower)
        lower = hourglass.up[level](lower)
        decoded.append(upper + lower.repeat_interleave(2, 2).repeat_interleave(2, 3))
        return decoded[-1]

    x = torch.randn(2, 4, 16, 24)
    with torch.no_grad():
        recurse(0, x)
        for got, expected in zip(hourglass(x), reversed(decoded), strict=True):
            torch.testing.assert_close(got, expected)


def test_residual_is_pre_activated() -> None:
    residual = PreActivationResidual(6, 8, norm_cfg=dict(type="BN")).eval()
    x = torch.randn(2, 6, 5, 4)
    out = x
    for norm, conv in (
        (residual.norm1, residual.conv1),
        (residual.norm2, residual.conv2),
        (residual.norm3, residual.conv3),
    ):
        out = conv(norm(out).clamp_min(0))
    torch.testing.assert_close(residual(x), out + residual.shortcut(x))
    untouched = x.clone()
    residual(x)
    assert torch.equal(x, untouched)


@pytest.mark.parametrize("keypoints", [5, None])
def test_stacks_hand_on_features_and_heatmaps(keypoints: int | None) -> None:
    model = StackedHourglass(3, keypoints, channels=8, depth=2).eval()
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        x, expected = model.stem(images), []
        for i, stack in enumerate(model.stacks):
            features = stack.linear(stack.residual(stack.hourglass(x)[0]))
            out = features if keypoints is None else stack.predict(features)
            expected.append(out)
            if i < 2:
                x = x + stack.remap_features(features) + (0 if keypoints is None else stack.remap_heatmaps(out))
        for got, wanted in zip(model(images), expected, strict=True):
            torch.testing.assert_close(got, wanted)
    assert model.stacks[2].remap_features is None and model.stacks[2].remap_heatmaps is None


def test_refinement_is_integration_then_channels_then_positions() -> None:
    model = BDMPSCANet(1, 5, channels=8, depth=2, reduced_channels=8).eval()
    stack = model.stacks[0]
    maps = stack.hourglass(torch.randn(1, 8, 8, 8))
    with torch.no_grad():
        (x,) = stack.refinement.integration(maps)
        x = stack.refinement.channel_attention(x)
        torch.testing.assert_close(stack.refinement(maps), x * stack.refinement.spatial_attention.attention(x).sharp)


def estimator(stacks: int, loss: dict) -> Any:
    codec = dict(type="MSRAHeatmap", input_size=(64, 64), heatmap_size=(16, 16), sigma=2)
    config = dict(
        type="TopdownPoseEstimator",
        data_preprocessor=dict(type="PoseDataPreprocessor"),
        backbone=dict(type="BDMPSCANet", num_stacks=stacks, reduced_channels=8, **{**TINY, "num_keypoints": 16}),
        head=dict(
            type="CPMHead",
            in_channels=16,
            out_channels=16,
            num_stages=stacks,
            final_layer=None,
            loss=loss,
            decoder=codec,
        ),
    )
    with DefaultScope.overwrite_default_scope("mmpose"):
        return MODELS.build(config)


@pytest.mark.parametrize("kind", ["KeypointMSELoss", "KeypointOHKMMSELoss"])
def test_loss_of_every_stack(kind: str) -> None:
    """The sum over the stacks, of the plain loss or of the mean over the 8 worst keypoints of each person."""
    model = estimator(3, dict(type=kind, use_target_weight=True))
    data = get_packed_inputs(2, num_keypoints=16, img_shape=(64, 64), input_size=(64, 64), heatmap_size=(16, 16))
    data = model.data_preprocessor({"inputs": data["inputs"], "data_samples": data["data_samples"]}, training=True)
    for sample in data["data_samples"]:
        sample.gt_instance_labels.keypoint_weights = torch.ones(1, 16)
    model.eval().requires_grad_(False)
    targets = torch.stack([sample.gt_fields.heatmaps for sample in data["data_samples"]])
    expected = 0.0
    for heatmaps in model.extract_feat(data["inputs"]):
        errors = (heatmaps - targets).square().mean((2, 3))
        expected += float((errors.topk(8).values if "OHKM" in kind else errors).mean())
    assert float(model.loss(**data)["loss_kpt"]) == pytest.approx(expected, rel=1e-5)


def test_mixed_precision_returns_float32() -> None:
    model, images = BDMPSCANet(1, 5, channels=8, depth=2, reduced_channels=8), torch.randn(2, 3, 32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = model(images)
    assert all(x.dtype == torch.float32 for x in outputs)


def saved_bytes(model: Any, images: torch.Tensor) -> tuple[int, list[torch.Tensor]]:
    """Bytes that autograd keeps for the gradient, and the gradients."""
    kept: dict[int, int] = {}

    def pack(x: torch.Tensor) -> torch.Tensor:
        kept[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    torch.manual_seed(0)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        out = model(images)
    total = sum(kept.values())
    sum(x.square().mean() for x in out).backward()
    return total, [parameter.grad for parameter in model.parameters()]


def test_checkpointing_saves_memory_and_changes_no_gradient() -> None:
    """Under the sharper attention's noise as well, which is drawn once."""
    images = torch.randn(2, 3, 64, 64)
    torch.manual_seed(0)
    plain = BDMPSCANet(1, 5, channels=32, depth=2, reduced_channels=8)
    saving = BDMPSCANet(1, 5, channels=32, depth=2, reduced_channels=8, with_cp=True)
    saving.load_state_dict(plain.state_dict())
    (before, expected), (after, grads) = saved_bytes(plain, images), saved_bytes(saving, images)
    for got, wanted in zip(grads, expected, strict=True):
        torch.testing.assert_close(got, wanted)
    for (name, one), other in zip(plain.named_buffers(), saving.buffers(), strict=True):
        assert torch.equal(one, other), f"{name} has seen each batch twice"
    assert after < 0.65 * before


def test_variant_as_a_dict() -> None:
    spec = dict(message_passing=True, spatial_attention="soft")
    model = BDMPSCANet(1, 5, variant=spec, channels=8, depth=2)
    assert model.stacks[0].refinement.spatial_attention.sharp is False
    assert model.stacks[0].refinement.integration.message_passing is not None


@pytest.mark.parametrize("noise", ["train", "never", "always"])
def test_temperature_and_noise_reach_the_attention(noise: Any) -> None:
    model = BDMPSCANet(2, 5, variant="ssa", tau=0.5, noise=noise, channels=8, depth=2)
    attentions = [stack.refinement.spatial_attention for stack in model.stacks]
    assert [(x.tau, x.noise) for x in attentions] == [(0.5, noise)] * 2


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (dict(num_stacks=0), "num_stacks must be at least 1, got 0"),
        (dict(depth=0), "depth must be at least 1, got 0"),
        (dict(num_keypoints=-1), "num_keypoints must be at least 1, got -1"),
        (dict(num_keypoints=0), "num_keypoints must be at least 1, got 0"),
        (dict(channels=7), "channels must be an even number, .* got 7"),
        (dict(norm_cfg=dict(type="BatchNrom")), "norm_cfg must be the config of a normalization.* got .*BatchNrom"),
        (dict(norm_cfg=dict(type="GN")), "num_groups"),
        (dict(norm_cfg=dict(type="GN", num_groups=3)), "with num_groups dividing 64, got .*3"),
        (dict(norm_cfg=dict(num_groups=3)), "norm_cfg must be"),
        (dict(norm_cfg="BN"), "norm_cfg must be"),
    ],
)
@pytest.mark.parametrize("kind", [StackedHourglass, BDMPSCANet])
def test_bad_arguments(kind: Any, config: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(**{**TINY, **config})


def test_one_level_can_not_be_joined() -> None:
    with pytest.raises(ValueError, match="depth must be at least 2 here.*got 1"):
        BDMPSCANet(1, **{**TINY, "depth": 1})
    assert StackedHourglass(1, **{**TINY, "depth": 1}) is not None


@pytest.mark.parametrize("config", [dict(tau=0), dict(tau=-1.0), dict(noise="off")])
def test_bad_attention(config: dict) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(config))} must be"):
        BDMPSCANet(1, **TINY, **config)


@pytest.mark.parametrize("variant", ["ALL", "none", dict(bdmp=True), dict(spatial_attention=True)])
def test_bad_variant(variant: Any) -> None:
    with pytest.raises(ValueError, match="variant m(ust be one of msfi, bdmp|ay have message_passing)"):
        BDMPSCANet(1, variant=variant, **TINY)


@pytest.mark.parametrize("size", [(256, 200), (100, 256), (32, 32), (0, 64)])
def test_image_that_the_depth_does_not_divide(size: tuple[int, int]) -> None:
    with pytest.raises(
        ValueError, match=rf"must be multiples of 64 \(4 x 2\^depth with depth=4\), got {size[0]}x{size[1]}"
    ):
        StackedHourglass(1, 5, channels=8)(torch.zeros(1, 3, *size))
