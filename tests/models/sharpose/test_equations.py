"""Equations (1) to (8) and (11), each against a loop."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmpose_ext.models.sharpose import (
    Attention,
    Block,
    FeatureReuse,
    KeypointDecoder,
    QualityPredictor,
    SHaRPose,
    accumulate,
    fine_index,
    number_of_selected,
    object_keypoint_similarity,
    quality_loss,
    relevance,
    select,
)
from mmpose_ext.models.sharpose.fine_tokens import PatchEmbed, take, to_patches

B, HEADS, M, N, D = 2, 2, 3, 6, 8


def randomised(module: nn.Module) -> nn.Module:
    """The module with weights that all matter."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    return module.eval()


def softmax_rows(module: Attention, x: torch.Tensor) -> torch.Tensor:
    """Attention of every head as loops, (B, H, L, L)."""
    batch, length, width = x.shape
    size = width // module.num_heads
    stacked = x @ module.qkv.weight.T + module.qkv.bias
    rows = torch.zeros(batch, module.num_heads, length, length)
    for b in range(batch):
        for h in range(module.num_heads):
            query = stacked[b, :, h * size : (h + 1) * size]
            key = stacked[b, :, width + h * size : width + (h + 1) * size]
            for i in range(length):
                scores = torch.stack([(query[i] * key[j]).sum() / math.sqrt(size) for j in range(length)])
                rows[b, h, i] = scores.exp() / scores.exp().sum()
    return rows


@pytest.mark.parametrize("queries", [None, 2])
def test_attention_and_its_rows(queries):
    module, x = randomised(Attention(D, HEADS)), torch.randn(B, 5, D)
    out, rows = module(x, queries=queries, rows=2)
    expected = softmax_rows(module, x)
    torch.testing.assert_close(rows, expected[:, :, :2])
    value = (x @ module.qkv.weight.T + module.qkv.bias)[..., 2 * D :].unflatten(-1, (HEADS, -1))
    mixed = torch.einsum("bhij,bjhe->bihe", expected, value).flatten(2)
    torch.testing.assert_close(out, (mixed @ module.proj.weight.T + module.proj.bias)[:, :queries])


def test_a_block_with_few_queries_is_the_first_rows_of_the_block():
    block, x = randomised(Block(D, HEADS)), torch.randn(B, 7, D)
    everything, none = block(x)
    first, rows = block(x, queries=3, rows=3)
    assert none is None and rows is not None and not rows.requires_grad
    torch.testing.assert_close(first, everything[:, :3])
    inner = x + block.attn(F.layer_norm(x, (D,), block.norm1.weight, block.norm1.bias, eps=1e-5))[0]
    mlp = block.mlp
    hidden = F.layer_norm(inner, (D,), block.norm2.weight, block.norm2.bias, eps=1e-5) @ mlp.fc1.weight.T + mlp.fc1.bias
    hidden = hidden * 0.5 * (1 + torch.erf(hidden / math.sqrt(2)))
    torch.testing.assert_close(everything, inner + hidden @ mlp.fc2.weight.T + mlp.fc2.bias)


def test_moving_average_and_relevance():
    layers = [torch.rand(B, HEADS, M, N) for _ in range(4)]
    average, expected = None, torch.zeros(B, HEADS, M, N)
    for layer in layers:
        average = accumulate(average, layer, beta=0.9)
        expected = 0.9 * expected + 0.1 * layer
    torch.testing.assert_close(average, expected)
    scores = torch.zeros(B, N)
    for b in range(B):
        for h in range(HEADS):
            for i in range(M):
                scores[b] += expected[b, h, i] / (HEADS * M)
    torch.testing.assert_close(relevance(average), scores)


@pytest.mark.parametrize(
    ("alpha", "patches", "up", "down"),
    [(0.4, 48, 20, 19), (0.3, 108, 33, 32), (0.5, 48, 24, 24), (0.0, 48, 0, 0), (1.0, 48, 48, 48), (0.3, 10, 3, 3)],
)
def test_number_of_selected(alpha, patches, up, down):
    assert number_of_selected(alpha, patches) == up
    assert number_of_selected(alpha, patches, rounding="floor") == down


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_alpha_is_a_share(alpha):
    with pytest.raises(ValueError, match="expected alpha between 0 and 1, got"):
        number_of_selected(alpha, 48)


def test_unknown_rounding():
    with pytest.raises(ValueError, match="rounding must be 'ceil' or 'floor', got 'round'"):
        number_of_selected(0.5, 48, rounding="round")


def test_select_parts_the_patches():
    scores = torch.rand(B, N)
    selected, others = select(scores, 2)
    for b in range(B):
        ranked = sorted(range(N), key=lambda i: -float(scores[b, i]))
        assert selected[b].tolist() == ranked[:2]
        assert others[b].tolist() == ranked[2:]


def test_take():
    x, index = torch.randn(B, N, D), torch.tensor([[5, 0, 0], [2, 1, 4]])
    expected = torch.stack([torch.stack([x[b, i] for i in index[b]]) for b in range(B)])
    assert torch.equal(take(x, index), expected)
    assert take(x, index[:, :0]).shape == (B, 0, D)


@pytest.mark.parametrize("ratio", [1, 2, 3])
def test_fine_index(ratio):
    rows, columns = 3, 2
    for patch in range(rows * columns):
        r, c = divmod(patch, columns)
        expected = [(r * ratio + i) * columns * ratio + c * ratio + j for i in range(ratio) for j in range(ratio)]
        assert fine_index(torch.tensor([[patch]]), columns, ratio).tolist() == [expected]


def test_patch_embedding_is_the_convolution():
    embed, images = PatchEmbed(D, 4), torch.randn(B, 3, 8, 12)
    expected = F.conv2d(images, embed.weight, embed.bias, stride=4).flatten(2).transpose(1, 2)
    torch.testing.assert_close(embed(to_patches(images, 4)), expected)


def test_feature_reuse():
    reuse, coarse = randomised(FeatureReuse(D)), torch.randn(B, 3, D)
    out = reuse(coarse, 2)
    for i in range(12):
        torch.testing.assert_close(out[:, i], reuse.mlp(reuse.norm(coarse[:, i // 4])))


def test_both_sequences():
    """Eq. (1), (2) and (8) token by token, for one sample at a time."""
    torch.manual_seed(0)
    model = SHaRPose(dict(width=D, depth=3, num_heads=2), M, input_size=(16, 24), patch_size=4, alpha=0.5, beta=0.9)
    randomised(model)
    model.requires_grad_(False)
    images = torch.randn(B, 3, 24, 16)
    features = model(images)
    small = F.avg_pool2d(images, 2)  # what a bilinear resampling to half the size is

    def embed(image, row, column):
        pixels = image[:, row * 4 : row * 4 + 4, column * 4 : column * 4 + 4]
        return (model.patch_embed.weight * pixels).sum((1, 2, 3)) + model.patch_embed.bias

    for b in range(B):
        coarse = [embed(small[b], *divmod(i, 2)) + model.coarse_positions[0, i] for i in range(6)]
        x = torch.stack([*model.keypoint_tokens[0], *model.quality_token[0], *coarse])[None]
        average = torch.zeros(6)
        for layer, block in enumerate(model.blocks):
            if layer >= 0:  # a quarter of three layers, rounded down
                average = 0.9 * average + 0.1 * softmax_rows(block.attn, block.norm1(x))[0, :, :2, 4:].mean((0, 1))
            x = block(x)[0]
        x = model.norm(x)[0]
        torch.testing.assert_close(features.coarse[b], x[:M])
        torch.testing.assert_close(features.quality[b], model.quality_predictor(x[M : M + 1])[0])
        ranked = sorted(range(6), key=lambda i: -float(average[i]))
        assert features.selected[b].tolist() == ranked[:3]
        tokens = [*model.keypoint_tokens[0]]
        for patch in ranked[:3]:
            for part in range(4):
                row, column = patch // 2 * 2 + part // 2, patch % 2 * 2 + part % 2
                reused = model.reuse.mlp(model.reuse.norm(x[M + 1 + patch]))
                tokens.append(embed(images[b], row, column) + model.fine_positions[0, row * 4 + column] + reused)
        tokens += [coarse[patch] for patch in ranked[3:]]
        y = torch.stack(tokens)[None]
        for block in model.blocks:
            y = block(y)[0]
        torch.testing.assert_close(features.fine[b], model.norm(y)[0, :M])


@pytest.mark.parametrize(("num_layers", "width", "layers"), [(None, 12, 1), (None, 11, 2), (1, 2, 1), (2, 50, 2)])
def test_keypoint_decoder(num_layers, width, layers):
    decoder = randomised(KeypointDecoder(width, 8, 6, num_layers=num_layers))
    assert sum(isinstance(layer, nn.Linear) for layer in decoder) == layers
    tokens = torch.randn(B, M, width)
    heatmaps = decoder(tokens)
    assert heatmaps.shape == (B, M, 8, 6)
    flat = tokens[1, 2]
    for layer in decoder:
        flat = layer(flat)
    for pixel in range(48):
        torch.testing.assert_close(heatmaps[1, 2, pixel // 6, pixel % 6], flat[pixel])


def test_keypoint_decoder_of_three_layers():
    with pytest.raises(ValueError, match="expected a keypoint decoder of 1 or 2 layers, got 3"):
        KeypointDecoder(8, 4, 4, num_layers=3)


@pytest.mark.parametrize(
    ("activation", "function"), [("gelu", F.gelu), ("sigmoid", torch.sigmoid), ("none", lambda x: x)]
)
def test_quality_predictor(activation, function):
    predictor, token = randomised(QualityPredictor(D, activation=activation)), torch.randn(B, D)
    x = predictor.norm(token)
    for i in (0, 2):
        x = F.gelu(predictor.layers[i](x))
    torch.testing.assert_close(predictor(token), function(predictor.layers[4](x))[:, 0])


def test_unknown_quality_activation():
    with pytest.raises(ValueError, match="expected a quality activation among gelu, sigmoid, none, got 'tanh'"):
        QualityPredictor(D, activation="tanh")


@pytest.mark.parametrize("scale", [1.0, 37.5])
def test_similarity_is_that_of_points_in_the_picture(scale):
    """COCO's formula in pixels of any picture, with the box as the object."""
    height, width = 8, 6
    prediction, target = torch.randn(4, M, height, width), torch.randn(4, M, height, width)
    labeled = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 0, 1], [0, 0, 0]], dtype=torch.bool)
    sigmas = torch.tensor([0.1, 0.5, 1.0])
    box = (width * scale, height * scale)
    expected = torch.zeros(4)
    for b in range(4):
        values = []
        for i in range(M):
            p, t = (divmod(int(x[b, i].argmax()), width) for x in (prediction, target))
            dx, dy = (p[1] - t[1]) * box[0] / width, (p[0] - t[0]) * box[1] / height
            k = 2 * float(sigmas[i])
            if labeled[b, i]:
                values.append(math.exp(-(dx**2 + dy**2) / (2 * k**2 * box[0] * box[1])))
        expected[b] = sum(values) / len(values) if values else 0
    torch.testing.assert_close(object_keypoint_similarity(prediction, target, labeled, sigmas), expected)


def test_quality_loss_leaves_out_what_has_no_label():
    quality, similarity = torch.tensor([0.5, 0.9, 3.0]), torch.tensor([0.7, 0.8, 0.0])
    loss = quality_loss(quality, similarity, torch.tensor([True, True, False]))
    assert float(loss) == pytest.approx((0.2**2 + 0.1**2) / 2)
    assert float(quality_loss(quality, similarity, torch.zeros(3, dtype=torch.bool))) == 0
