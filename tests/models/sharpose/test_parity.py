"""Equal to the official code: both stages, quality and selection, on weights filled by rule."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest
import torch
from torch import nn

from mmpose_ext import convert
from mmpose_ext.models.sharpose import KeypointDecoder, SHaRPose, fine_index, object_keypoint_similarity, select

# name of the golden file, of the state dict, the backbone's arguments
CASES = [
    ("small_256x192", "small_256x192", dict(arch="small", alpha=0.5)),
    ("small_256x192_seed4", "small_256x192", dict(arch="small", alpha=0.5)),
    ("base_256x192", "base_256x192", dict(arch="base", alpha=0.4)),
    ("base_384x288", "base_384x288", dict(arch="base", alpha=0.3)),
    ("base_384x288_seed6", "base_384x288", dict(arch="base", alpha=0.3)),
]
LIMIT = 1e-5
"""On max|ours - golden| / max|golden|."""

COCO_SIGMAS = [0.26, 0.25, 0.25, 0.35, 0.35, 0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89]


class Network(nn.Module):
    """Backbone and decoder, with the keys of MMPose."""

    def __init__(self, size, **kwargs):
        super().__init__()
        self.backbone = SHaRPose(**kwargs, input_size=size)
        self.head = nn.Module()
        width = self.backbone.norm.normalized_shape[0]
        self.head.keypoint_decoder = KeypointDecoder(width, size[1] // 4, size[0] // 4)


@pytest.fixture(scope="module")
def rule(reference):
    """The rule for weights and inputs."""
    spec = importlib.util.spec_from_file_location("deterministic", reference / "deterministic.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def official_state_dict(reference, rule, name, seed):
    shapes = json.loads((reference / "sharpose" / f"state_dict_sharpose_{name}.json").read_text())
    return {key: torch.from_numpy(np.asarray(value)) for key, value in rule.fill(shapes, seed).items()}


@pytest.fixture(
    scope="module",
    params=[pytest.param(case, marks=[pytest.mark.slow] * ("seed" in case[0])) for case in CASES],
    ids=[case[0] for case in CASES],
)
def case(request, reference, rule):
    """Golden arrays, the network with the official weights, images, and all of both stages."""
    golden, name, kwargs = request.param
    data = np.load(reference / "sharpose" / f"golden_sharpose_{golden}.npz")
    seed, shape = int(data["seed"]), tuple(data["input_shape"])
    with torch.device("meta"):  # nobody needs the random weights
        network = Network((shape[3], shape[2]), **kwargs).eval()
    state_dict = convert.sharpose(official_state_dict(reference, rule, name, seed))
    network.load_state_dict(state_dict, strict=True, assign=True)
    images = torch.from_numpy(rule.image(seed, shape))
    with torch.inference_mode():
        yield data, network, images, network.backbone(images)


def agrees(data, name, value, *, axes=2):
    """Compare with the whole golden array, or with every 7th row and column and the statistics of all."""
    value = value.numpy()
    mean, _, peak = data[f"{name}_stats"]
    if name in data:
        close = np.abs(value - data[name]).max() <= LIMIT * peak
    else:
        sub = value[..., ::7, ::7] if axes == 2 else value[..., ::7]
        close = np.abs(sub - data[f"{name}_sub"]).max() <= LIMIT * peak
    return close and np.abs(value.astype(np.float64).mean() - mean) <= LIMIT * peak


def test_tokens_and_heatmaps_of_both_stages(case):
    data, network, _, features = case
    decode = network.head.keypoint_decoder
    with torch.inference_mode():
        for stage, tokens in (("coarse", features.coarse), ("fine", features.fine)):
            assert agrees(data, f"a_{stage}_tokens", tokens, axes=1)
            heatmaps = decode(tokens)
            assert agrees(data, f"a_{stage}", heatmaps)
            assert np.array_equal(heatmaps.flatten(2).argmax(-1).numpy(), data[f"a_{stage}_argmax"])
    assert features.refined.all()


def test_quality(case):
    data, _, _, features = case
    assert np.abs(features.quality.numpy() - data["quality"]).max() <= 1e-5


def test_scores_and_selection(case):
    data, network, images, features = case
    backbone = network.backbone
    with torch.inference_mode():
        scores = backbone.coarse_stage(backbone.embed(images)).scores
        official = 16 * scores  # a sum over 16 keypoints there, a mean here
        assert np.abs(official.numpy() - data["attn_score"]).max() <= 1e-6
        backbone.num_scored = 17
        try:
            of_all = backbone.coarse_stage(backbone.embed(images)).scores
        finally:
            backbone.num_scored = 16
    assert np.abs(of_all.numpy() - data["attn_score_all17"]).max() <= 1e-7
    selected, others = select(scores, int(data["n_important"]))
    for ours, golden in ((selected, "important_index"), (others, "unimportant_index")):
        assert np.array_equal(np.sort(ours.numpy()), np.sort(data[golden]))
    assert torch.equal(selected, features.selected)
    fine = fine_index(selected, backbone.coarse_grid[1], backbone.ratio)
    assert np.array_equal(np.sort(fine.numpy()), np.sort(data["fine_index"]))


def test_one_sample_refined_and_one_not(case):
    data, network, images, both = case
    network.backbone.quality_threshold = float(data["b_threshold"])
    try:
        with torch.inference_mode():
            features = network.backbone(images)
            heatmaps = network.head.keypoint_decoder(features.fine)
    finally:
        network.backbone.quality_threshold = None
    assert np.array_equal(features.refined.numpy(), data["b_refined"])
    assert agrees(data, "b_final", heatmaps)
    assert np.array_equal(heatmaps.flatten(2).argmax(-1).numpy(), data["b_final_argmax"])
    coarse = ~features.refined
    assert torch.equal(features.fine[coarse], both.coarse[coarse])
    torch.testing.assert_close(features.fine[~coarse], both.fine[~coarse], rtol=0, atol=1e-5)


def test_nothing_refined(case):
    _, network, images, both = case
    network.backbone.quality_threshold = -1e9
    try:
        with torch.inference_mode():
            features = network.backbone(images)
    finally:
        network.backbone.quality_threshold = None
    assert not features.refined.any()
    assert torch.equal(features.fine, both.coarse)


@pytest.mark.parametrize(
    ("name", "arch", "size", "parameters"),
    [
        ("small_256x192", "small", (192, 256), 28_484_737),
        ("base_256x192", "base", (192, 256), 94_116_097),
        ("base_384x288", "base", (288, 384), 118_543_489),
    ],
)
def test_conversion_is_strict_and_keeps_every_number(reference, name, arch, size, parameters):
    shapes = json.loads((reference / "sharpose" / f"state_dict_sharpose_{name}.json").read_text())
    with torch.device("meta"):
        network = Network(size, arch=arch)
        official = {key: torch.empty(spec["shape"]) for key, spec in shapes.items()}
    converted = convert.sharpose(official)
    assert {key: value.shape for key, value in network.state_dict().items() if not key.endswith("grid")} == {
        key: value.shape for key, value in converted.items()
    }
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


def test_conversion_is_pure():
    state_dict = {"backbone.quality_token": torch.ones(1, 1, 4), "backbone.pos_embed_list.1": torch.ones(1, 8, 4)}
    converted = convert.sharpose(state_dict)
    assert set(converted) == {"backbone.quality_token", "backbone.fine_positions"}
    converted["backbone.fine_positions"].zero_()
    assert state_dict["backbone.pos_embed_list.1"].all()


def test_conversion_refuses_another_network():
    with pytest.raises(ValueError, match="expected the state dict of an official SHaRPose.*'stem.weight'"):
        convert.sharpose({"stem.weight": torch.ones(1)})


def test_similarity_of_the_official_code(reference):
    data = np.load(reference / "sharpose" / "golden_units.npz")

    def gaussians(points):
        y, x = torch.meshgrid(torch.arange(64.0), torch.arange(48.0), indexing="ij")
        points = torch.from_numpy(points).float()[..., None, None]
        return torch.exp(-((x - points[:, :, 0]) ** 2 + (y - points[:, :, 1]) ** 2) / 8)

    similarity = object_keypoint_similarity(
        gaussians(data["oks_pred_xy"]),
        gaussians(data["oks_gt_xy"]),
        torch.from_numpy(data["oks_mask"]),
        torch.tensor(COCO_SIGMAS) / 10,
        swapped=True,
    )
    assert np.abs(similarity.numpy()[data["oks_instance_mask"]] - data["oks"]).max() <= 1e-6


def test_heatmap_loss_of_the_official_code(reference, rule):
    from mmpose.models.losses import KeypointMSELoss

    data = np.load(reference / "sharpose" / "golden_units.npz")
    seed = int(data["seed"])
    prediction, target = (torch.from_numpy(rule.image(seed + k, (3, 17, 8, 6))) for k in (200, 201))
    weights = torch.from_numpy((rule.image(seed + 202, (3, 17, 1)) > 0).astype(np.float32))[..., 0]
    loss = KeypointMSELoss(use_target_weight=True)(prediction, target, weights)
    assert float(loss) == pytest.approx(float(data["joints_mse"]), rel=1e-6)


def test_positions_of_the_official_code(reference):
    data = np.load(reference / "sharpose" / "golden_units.npz")
    ours = fine_index(torch.from_numpy(data["get_index_in"]), 6, 2)
    assert np.array_equal(np.sort(ours.numpy()), np.sort(data["get_index_out"]))
