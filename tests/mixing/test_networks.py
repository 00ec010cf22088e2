"""Backbones, necks and heads of ours and of MMPose, mixed: they learn and predict, or say what they lack."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mmengine.structures import PixelData
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.testing import get_packed_inputs

from tests.mixing.networks import COMBINATIONS, PYRAMIDS, RESNET, UPWARD, Network, heatmap_head, msra


def needs(network: Network) -> None:
    if network.backbone["type"].startswith("mmpretrain."):
        pytest.importorskip("mmpretrain", reason="the backbone is MMPretrain's")


def with_targets(codec: dict[str, Any], samples: list) -> list:
    """The samples with what the codec makes of their keypoints."""
    encoder = KEYPOINT_CODECS.build(codec)
    for sample in samples:
        points = sample.gt_instances.keypoints[:1] % 64
        encoded = encoder.encode(points.astype("float32"), torch.ones(points.shape[:2]).numpy())
        for name, target in encoder.label_mapping_table.items():
            sample.gt_instance_labels.set_field(torch.as_tensor(encoded[name]), target)
        if "heatmaps" in encoded:
            sample.gt_fields = PixelData(heatmaps=torch.as_tensor(encoded["heatmaps"]))
    return samples


def batch(codec: dict[str, Any]) -> tuple[torch.Tensor, list]:
    packed = get_packed_inputs(2, num_keypoints=17, img_shape=(64, 64), input_size=(64, 64))
    return torch.stack(packed["inputs"]).float() / 255, with_targets(codec, packed["data_samples"])


BRIEF = ("ResNet", "HRNet", "MobileNetV2")
"""Pyramids that stand for all in the default tests."""
LONG = [f"{backbone}, {name}" for backbone in PYRAMIDS if backbone not in BRIEF for name in UPWARD]
NAMES = [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in COMBINATIONS]


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_and_predicts(name: str) -> None:
    """From the codec's own targets: neck, head and nearly all of the backbone have a gradient."""
    network = COMBINATIONS[name]
    needs(network)
    model = MODELS.build(network.model)
    images, samples = batch(network.codec)
    losses = model.train().loss(images, samples)
    sum(value for key, value in losses.items() if "loss" in key).backward()
    learning = {key: p.grad is not None and bool(p.grad.any()) for key, p in model.named_parameters()}
    backbone = [value for key, value in learning.items() if key.startswith("backbone.")]
    assert sum(backbone) > 0.8 * len(backbone)
    others = [key for key, value in learning.items() if not value and not key.startswith("backbone.")]
    assert all(key == "neck.score.bias" for key in others), others  # a softmax ignores a constant
    with torch.no_grad():
        results = model.eval().predict(images, samples)
    assert all(result.pred_instances.keypoints.shape == (1, 17, 2) for result in results)


CODEC = msra(16)
SSN_HEAD = dict(type="SSNHead", in_channels=32, out_channels=17, decoder=CODEC)
SFM_HEAD = dict(type="SFMHead", in_channels=64, out_channels=17, decoder=CODEC)
GLOBAL_NET = dict(type="GlobalNet", in_channels=(8, 16, 32, 64), out_channels=32)
MSFI = dict(type="MultiScaleFeatureIntegration", in_channels=(48, 96, 192, 1024), channels=4)
SHUFFLENET = dict(type="ShuffleNetV2", widen_factor=0.5, out_indices=(0, 1, 2, 3))
ONE_MAP = r"got shapes \[\(2, 64, 2, 2\)\]"


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Network(RESNET, SSN_HEAD, CODEC, GLOBAL_NET), "GlobalNet expects 4 maps with 8, 16, 32, 64 .*" + ONE_MAP),
        (Network(RESNET, SSN_HEAD, CODEC), "SSNHead with the predictors E1, .* expects 7 maps with 32, .*" + ONE_MAP),
        (Network(RESNET, SFM_HEAD, CODEC), "SFMHead expects 2 maps of one size with 64, 64 channels, " + ONE_MAP),
        (Network(PYRAMIDS["ResNet"][0], SFM_HEAD, CODEC), "SFMHead expects 2 maps of one size"),
        (Network(SHUFFLENET, heatmap_head(16, CODEC), CODEC, MSFI), "each half as high and wide as the one before"),
        (
            Network(PYRAMIDS["HRNet"][0], heatmap_head(16, CODEC), CODEC, MSFI),
            r"4 maps with 48, 96, 192, 1024 channels, got shapes \[\(2, 8, 16, 16\)",
        ),
        (
            Network(RESNET, heatmap_head(64, CODEC), CODEC, dict(type="SharperSpatialAttention", in_channels=32)),
            r"expected maps of shape \(B, 32, H, W\), got \(2, 64, 2, 2\)",
        ),
    ],
)  # fmt: skip
def test_what_makes_no_sense(network: Network, message: str) -> None:
    model = MODELS.build(network.model)
    with pytest.raises(ValueError, match=message):
        model.train().loss(*batch(network.codec))
