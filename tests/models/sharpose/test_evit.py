"""EViT with keypoint tokens: which tokens stay, and what becomes of the others."""

from __future__ import annotations

import pytest
import torch

from mmpose_ext.models.sharpose import SHaRPoseEViT, SHaRPoseOneStage
from mmpose_ext.models.sharpose.evit.reorganization import number_of_kept, reorganize

TINY = dict(arch=dict(width=16, depth=4, num_heads=2), num_keypoints=5, input_size=(32, 48), patch_size=4)


def test_reorganize():
    torch.manual_seed(0)
    x, scores = torch.randn(2, 3 + 7, 4), torch.rand(2, 7)
    got = reorganize(x, scores, 4)
    for tokens, score, result in zip(x, scores, got, strict=True):
        visual = list(zip(score.tolist(), tokens[3:], strict=True))
        kept = sorted(visual, key=lambda pair: -pair[0])[:4]
        limit = kept[-1][0]
        fused = sum(weight * token for weight, token in visual if weight < limit)
        torch.testing.assert_close(result, torch.stack([*tokens[:3], *(token for _, token in kept), fused]))


def test_all_kept():
    x = torch.randn(1, 5, 4)
    assert reorganize(x, torch.rand(1, 3), 3) is x


@pytest.mark.parametrize(("rate", "tokens", "number"), [(0.7, 10, 7), (0.7, 192, 135), (1.0, 9, 9), (0.01, 9, 1)])
def test_number_of_kept(rate, tokens, number):
    assert number_of_kept(rate, tokens) == number


def network(cls=SHaRPoseEViT, **kwargs):
    torch.manual_seed(0)
    model = cls(**{**TINY, **kwargs}).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def lengths(model, images):
    """Tokens behind each block."""
    seen = []
    hooks = [block.mlp.register_forward_hook(lambda _, __, out: seen.append(out.shape[1])) for block in model.blocks]
    with torch.no_grad():
        model(images)
    for hook in hooks:
        hook.remove()
    return seen


def test_tokens_get_fewer():
    images = torch.randn(2, 3, 48, 32)  # 96 patches and 6 other tokens
    assert lengths(network(prune_at=(0, 2)), images) == [6 + 68 + 1, 6 + 68 + 1, 6 + 49 + 1, 5]
    assert lengths(network(prune_at=()), images) == [102, 102, 102, 5]


def test_without_pruning_it_is_the_fine_stage_alone():
    images = torch.randn(2, 3, 48, 32)
    pruned, plain = network(keep_rate=1.0, prune_at=(0, 1, 2)), network(SHaRPoseOneStage, scale=1.0)
    pruned.load_state_dict(plain.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(pruned(images).keypoints, plain(images).keypoints)
        fewer = network(keep_rate=0.5, prune_at=(0, 1, 2))
        fewer.load_state_dict(plain.state_dict())
        assert not torch.allclose(fewer(images).keypoints, plain(images).keypoints, atol=1e-3)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (dict(prune_at=(1,), keep_rate=0.0), "expected keep_rate above 0 and at most 1, got 0.0"),
        (dict(prune_at=(1,), keep_rate=1.5), "expected keep_rate above 0 and at most 1, got 1.5"),
        (dict(prune_at=(1, 3)), r"expected prune_at between 0 and 2, got \[1, 3\]"),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        network(**kwargs)


def test_table_7():
    """EViT's own rate and places lead to the operations that SHaRPose's paper prints, if all rows are computed."""
    with torch.device("meta"):
        model = SHaRPoseEViT("base")
    assert model.num_kept == {3: 135, 6: 96, 9: 68}
    width, operations, tokens = 768, 0, 17 + 192
    for layer in range(12):
        attending, tokens = tokens, 17 + model.num_kept[layer] + 1 if layer in model.num_kept else tokens
        operations += width * (4 * width * attending + 2 * attending**2 + 8 * width * tokens)
    operations += width * (192 * width + 17 * 64 * 48)  # patches and decoder
    assert round(operations / 1e9, 1) == 12.8
