"""The X-shuffle block, its ablations, and the exchange between branches."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import yaml

from mmpose_ext.models.xhrnet import ARCHS
from mmpose_ext.models.xhrnet.multi_resolution import MultiResolutionModule
from mmpose_ext.models.xhrnet.susa import SpatiallyUnidimensionalSelfAttention
from mmpose_ext.models.xhrnet.x_shuffle import BLOCKS, ParallelSUSA, XShuffleBlock, interleave


def test_interleave_takes_turns():
    first, second = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5)
    out = interleave(first, second)
    for i in range(3):
        assert torch.equal(out[:, 2 * i], first[:, i])
        assert torch.equal(out[:, 2 * i + 1], second[:, i])


@pytest.mark.parametrize("block", sorted(BLOCKS))
def test_half_of_the_channels_pass_untouched(block):
    module = XShuffleBlock(8, (6, 4), block=block).eval()
    x = torch.randn(2, 8, 6, 4)
    out = module(x)
    assert out.shape == x.shape
    assert torch.equal(out[:, ::2], x[:, :4])
    assert not torch.allclose(out[:, 1::2], x[:, 4:])


def test_the_second_attention_stands_behind_the_convolution():
    axes = {
        name: [m.axis for m in XShuffleBlock(8, (6, 4), block=name).layers if hasattr(m, "axis")]
        for name in ("x-shuffle", "reversed", "w-wise", "h-wise", "baseline")
    }
    assert axes == {
        "x-shuffle": ["W", "H"],
        "reversed": ["H", "W"],
        "w-wise": ["W"],
        "h-wise": ["H"],
        "baseline": [],
    }
    assert not isinstance(XShuffleBlock(8, (6, 4), block="w-wise").layers[0], SpatiallyUnidimensionalSelfAttention)


def test_parallel_halves():
    module = ParallelSUSA(8, (6, 4)).eval()
    x = torch.randn(2, 8, 6, 4)
    out = module(x)
    torch.testing.assert_close(out[:, ::2], module.h_wise(x[:, :4]))
    torch.testing.assert_close(out[:, 1::2], module.w_wise(x[:, 4:]))


@pytest.mark.parametrize("branches", [2, 3, 4])
def test_exchange_is_the_documented_sum(branches):
    channels = (8, 16, 32, 64)[:branches]
    module = MultiResolutionModule(channels, (16, 8)).eval()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    maps = [torch.randn(2, c, 16 >> i, 8 >> i) for i, c in enumerate(channels)]
    b = [branch(x) for branch, x in zip(module.branches, maps, strict=True)]

    def up(i, j):
        return F.interpolate(module.paths[f"{j}to{i}"](b[j]), scale_factor=2 ** (j - i), mode="nearest")

    s = [2 * b[0] + sum(up(0, j) for j in range(1, branches))]
    for i in range(1, branches):
        s.append(2 * module.paths[f"0to{i}"](s[0]) + b[i])
        for j in range(1, branches):
            if j != i:
                s[i] = s[i] + (up(i, j) if j > i else module.paths[f"{j}to{i}"](b[j]))
    for ours, expected in zip(module(maps), s, strict=True):
        torch.testing.assert_close(ours, expected.relu(), rtol=1e-4, atol=1e-4)


def test_normalization_statistics_move_once_per_step():
    module = MultiResolutionModule((8, 16), (16, 8)).train()
    module([torch.randn(2, 8, 16, 8), torch.randn(2, 16, 8, 4)])
    assert module.paths["0to1"][0].depthwise_conv.bn.num_batches_tracked == 1


@pytest.mark.parametrize(
    ("channels", "block", "message"),
    [
        (7, "x-shuffle", "divisible by 2, got 7"),
        (6, "parallel", "divisible by 4, got 6"),
        (8, "y-shuffle", "block must be one of .* got 'y-shuffle'"),
    ],
)
def test_bad_values(channels, block, message):
    with pytest.raises(ValueError, match=message):
        XShuffleBlock(channels, (6, 4), block=block)


def test_share_of_a_susa_in_the_cost_of_a_pointwise_convolution():
    """The 8% that the package's docstring gives for 256x192, from the counts in the metafile."""
    root = Path(__file__).resolve().parents[3]
    models = yaml.safe_load((root / "configs/body_2d_keypoint/xhrnet/metafile.yml").read_text())["Models"]
    macs = {model["Alias"]: model["Metadata"]["MACs"] for model in models if "Alias" in model}
    modules, channels = ARCHS["18"].num_modules, ARCHS["18"].channels
    pointwise = sum(
        number * 2 * 2 * (channels[i] // 2) ** 2 * (64 >> i) * (48 >> i)  # two blocks of two convolutions
        for stage, number in enumerate(modules)
        for i in range(stage + 2)
    )
    assert (macs["xhrnet-18"] - macs["xhrnet-18-baseline"]) / pointwise == pytest.approx(0.0782, abs=1e-4)
