"""Losses of all predictors, keypoints from any, targets of several widths."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import KEYPOINT_CODECS
from mmpose.structures import PoseDataSample
from mmpose.testing import get_packed_inputs

from mmpose_ext.codecs import MultiSigmaHeatmap
from mmpose_ext.models.ssn import SSNHead
from mmpose_ext.models.ssn.head import LEVELS, root_mean_squared_error

CODEC = dict(type="MultiSigmaHeatmap", input_size=(48, 64), heatmap_size=(12, 16), sigma=[1.0, 1.2, 1.5, 2.0])


def head(**config) -> SSNHead:
    torch.manual_seed(0)
    return SSNHead(32, 3, decoder=CODEC, **config).eval()


def maps(number: int, batch: int = 2) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(1)
    sizes = [(16, 12), (8, 6), (4, 3), (2, 2), (4, 3), (8, 6), (16, 12)]
    return tuple(torch.randn(batch, 32, *size, generator=generator) for size in sizes[-number:])


def samples(channels: int, batch: int = 2) -> list[PoseDataSample]:
    generator = torch.Generator().manual_seed(2)
    result = []
    for index in range(batch):
        sample = PoseDataSample(metainfo=dict(flip_indices=[0, 2, 1]))
        sample.gt_fields = PixelData(heatmaps=torch.rand(channels, 16, 12, generator=generator))
        weights = torch.tensor([[1.0, float(index), 1.0]])
        sample.gt_instance_labels = InstanceData(keypoint_weights=weights)
        result.append(sample)
    return result


def test_root_mean_squared_error() -> None:
    predicted, target = torch.rand(2, 2, 3, 2, 4, dtype=torch.float64)
    weights = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]], dtype=torch.float64)
    total = 0.0
    for b in range(2):
        for m in range(3):
            for y in range(2):
                for x in range(4):
                    total += weights[b, m].item() * (predicted[b, m, y, x] - target[b, m, y, x]).item() ** 2
    assert root_mean_squared_error(predicted, target, weights).item() == pytest.approx((total / 48) ** 0.5)


def test_no_label_at_all_leaves_gradients_finite() -> None:
    predicted = torch.rand(1, 2, 3, 3, requires_grad=True)
    root_mean_squared_error(predicted, torch.rand(1, 2, 3, 3), torch.zeros(1, 2)).backward()
    assert predicted.grad is not None and torch.isfinite(predicted.grad).all()


def test_each_predictor_learns_its_own_width() -> None:
    net, feats = head(), maps(7)
    batch = samples(12)
    losses = net.loss(feats, batch, {})
    targets = torch.stack([sample.gt_fields.heatmaps for sample in batch])
    weights = torch.cat([sample.gt_instance_labels.keypoint_weights for sample in batch])
    levels = dict(E1=0, E2=1, E3=2, P1=3, P2=2, P3=1, P4=0)
    assert levels == LEVELS
    for (name, level), predicted in zip(levels.items(), net(feats), strict=True):
        wanted = root_mean_squared_error(predicted, targets[:, 3 * level : 3 * level + 3], weights)
        torch.testing.assert_close(losses[f"loss_{name}"], wanted)
    assert len([name for name in losses if name.startswith("loss")]) == 7
    assert "acc_pose" in losses


def test_one_width_serves_all() -> None:
    net, feats = head(), maps(7)
    repeated = samples(3)
    losses = net.loss(feats, repeated, {})
    for sample in repeated:
        sample.gt_fields = PixelData(heatmaps=sample.gt_fields.heatmaps.repeat(4, 1, 1))
    torch.testing.assert_close(losses, net.loss(feats, repeated, {}))


@pytest.mark.parametrize("tail", ["depthwise", "norm"])
def test_heatmaps_start_near_zero(tail: str) -> None:
    """As the targets are: by Kaiming's start the loss is ten times that of empty heatmaps."""
    network = head(tail=tail, norm_cfg=dict(type="GN", num_groups=8))
    network.init_weights()
    for heatmaps in network.train()(maps(7)):
        assert 0.01 < float(heatmaps.std()) < 0.3


@pytest.mark.parametrize("channels", [4, 6])
def test_targets_of_another_number(channels) -> None:
    with pytest.raises(ValueError, match=f"of one width or of 4 for 3 keypoints, got {channels} heatmaps"):
        head().loss(maps(7), samples(channels), {})


@pytest.mark.parametrize("name", list(LEVELS))
def test_key_points_from_any_predictor(name) -> None:
    net, feats = head(), maps(7)
    with torch.no_grad():
        instances, fields = net.predict(feats, samples(3), dict(predictor=name, output_heatmaps=True))
        wanted = net(feats)[list(LEVELS).index(name)]
    torch.testing.assert_close(torch.stack([field.heatmaps for field in fields]), wanted)
    assert instances[0].keypoints.shape == (1, 3, 2)


def test_the_last_is_the_default_and_flips_are_averaged() -> None:
    net, feats = head(), maps(7)
    mirrored = tuple(x.flip(3) for x in feats)
    with torch.no_grad():
        _, fields = net.predict([feats, mirrored], samples(3), dict(flip_test=True, output_heatmaps=True))
        image, mirror = net(feats)[-1], net(mirrored)[-1]
    wanted = (image + mirror.flip(3)[:, [0, 2, 1]]) / 2
    torch.testing.assert_close(torch.stack([field.heatmaps for field in fields]), wanted)


def test_a_predictor_that_does_not_exist() -> None:
    net = head(predictors=("P3", "P4"))
    with pytest.raises(ValueError, match="test_cfg.predictor among P3, P4, got 'E1'"):
        net.predict(maps(2), samples(3), dict(predictor="E1"))
    for names in (("P5",), (), ("P4", "P4")):
        with pytest.raises(ValueError, match="different predictors among E1"):
            SSNHead(32, 3, predictors=names)


def test_another_number_of_maps() -> None:
    with pytest.raises(ValueError, match="SSNHead with the predictors E1.* expects 7 maps with 32, 32.* got shapes"):
        head()(maps(2))


def test_codec_draws_every_width() -> None:
    codec = KEYPOINT_CODECS.build(CODEC)
    points, visible = np.array([[[20.0, 30.0], [47.0, 3.0]]]), np.ones((1, 2))
    encoded = codec.encode(points, visible)
    assert encoded["heatmaps"].shape == (8, 16, 12) and encoded["keypoint_weights"].shape == (1, 2)
    for level, sigma in enumerate(CODEC["sigma"]):
        one = KEYPOINT_CODECS.build({**CODEC, "type": "MSRAHeatmap", "sigma": sigma}).encode(points, visible)
        np.testing.assert_array_equal(encoded["heatmaps"][2 * level : 2 * level + 2], one["heatmaps"])
    decoded, _ = codec.decode(encoded["heatmaps"][:2])
    assert np.abs(decoded - points).max() < 4  # a pixel of the heatmap


def test_codec_without_a_width() -> None:
    with pytest.raises(ValueError, match="positive sigmas"):
        MultiSigmaHeatmap((48, 64), (12, 16), sigma=[])


def test_trains_inside_an_estimator() -> None:
    from mmpose.registry import MODELS

    model = MODELS.build(
        dict(
            type="TopdownPoseEstimator",
            backbone=dict(
                type="SSNResNet", depth=50, shift_channels=8, base_channels=32, stem_channels=32, out_indices=(0, 1)
            ),
            neck=dict(type="GlobalNet", in_channels=(128, 256), out_channels=32, early_stages=(0,)),
            head=dict(type="SSNHead", in_channels=32, out_channels=17, predictors=("E1", "P3", "P4"), decoder=CODEC),
            test_cfg=dict(flip_test=True, flip_mode="heatmap", predictor="E1"),
        )
    )
    packed = get_packed_inputs(2, img_shape=(64, 48), input_size=(48, 64), heatmap_size=(12, 16), with_heatmap=True)
    losses = model.loss(torch.stack(packed["inputs"]).float(), packed["data_samples"])
    sum(value for name, value in losses.items() if name.startswith("loss")).backward()
    assert model.backbone.fsms["layer1_0"].shift.offsets.grad.any()


def test_every_predictor_in_one_prediction() -> None:
    """In pixels of the image, with the flip test: what a prediction with each alone would give."""
    net, both = head(), [maps(7), tuple(x.flip(-1) for x in maps(7))]
    batch = [PoseDataSample(metainfo=dict(flip_indices=[0, 2, 1])) for _ in range(2)]
    for i, sample in enumerate(batch):
        sample.set_metainfo(
            dict(input_size=(48, 64), input_center=np.array([20.0 + i, 30]), input_scale=np.array([96.0, 128]))
        )
    config = dict(flip_test=True)
    with torch.no_grad():
        found = net.predict(both, batch, {**config, "every_predictor": True})
        assert "keypoints_E1" not in net.predict(both, batch, config)[0]
        for name in LEVELS:
            alone = net.predict(both, batch, {**config, "predictor": name})
            for i in range(2):
                wanted = alone[i].keypoints * 2 + np.array([20.0 + i, 30]) - np.array([48.0, 64])
                np.testing.assert_allclose(found[i][f"keypoints_{name}"], wanted)
                np.testing.assert_array_equal(found[i][f"keypoint_scores_{name}"], alone[i].keypoint_scores)
    np.testing.assert_array_equal(found[0].keypoints, net.predict(both, batch, config)[0].keypoints)
    assert not np.array_equal(found[0].keypoints_E1, found[0].keypoints_P4)
