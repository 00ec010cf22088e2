"""The head: losses by hand, prediction, flip test, errors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample
from mmpose.testing import get_packed_inputs

from mmpose_ext.layers.deploy import switch_to_deploy
from mmpose_ext.layers.fused_linear import FusedLinear
from mmpose_ext.models.sharpose import OneStageFeatures, SHaRPoseFeatures, SHaRPoseHead, object_keypoint_similarity

CODEC = dict(type="UDPHeatmap", input_size=(48, 64), heatmap_size=(12, 16), sigma=1)
M, D = 17, 8


def head(**kwargs) -> SHaRPoseHead:
    built = SHaRPoseHead(D, M, heatmap_size=(12, 16), decoder=CODEC, **kwargs)
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return built


def features(batch: int = 2) -> SHaRPoseFeatures:
    return SHaRPoseFeatures(
        coarse=torch.randn(batch, M, D),
        fine=torch.randn(batch, M, D),
        quality=torch.rand(batch, requires_grad=True),
        refined=torch.ones(batch, dtype=torch.bool),
        selected=torch.zeros(batch, 1, dtype=torch.long),
    )


def samples(batch: int = 2) -> list[PoseDataSample]:
    found = []
    for _ in range(batch):
        weights = torch.from_numpy(np.random.randint(0, 2, (1, M)).astype(np.float32))
        sample = PoseDataSample(metainfo=dict(flip_indices=list(range(M))))
        sample.gt_fields = PixelData(heatmaps=torch.rand(M, 16, 12))
        sample.gt_instance_labels = InstanceData(keypoint_weights=weights)
        found.append(sample)
    return found


def test_losses():
    module, feats, batch = head(quality_weight=0.03, sigmas=[0.05] * M), features(), samples()
    losses = module.loss(feats, batch, {})
    assert set(losses) == {"loss_coarse", "loss_fine", "loss_quality", "acc_pose"}
    target = torch.stack([sample.gt_fields.heatmaps for sample in batch])
    weights = torch.cat([sample.gt_instance_labels.keypoint_weights for sample in batch])
    for stage in ("coarse", "fine"):
        heatmaps = module.keypoint_decoder(getattr(feats, stage))
        expected = sum(
            ((heatmaps[b, i] - target[b, i]) ** 2 * weights[b, i]).mean() for b in range(2) for i in range(M)
        ) / (2 * M)
        torch.testing.assert_close(losses[f"loss_{stage}"], expected)
    similarity = object_keypoint_similarity(
        module.keypoint_decoder(feats.coarse), target, weights > 0, torch.full((M,), 0.05)
    )
    torch.testing.assert_close(losses["loss_quality"], 0.03 * ((feats.quality - similarity) ** 2).mean())
    losses["loss_quality"].backward()
    assert feats.quality.grad.any()
    assert all(parameter.grad is None for parameter in module.parameters())  # the OKS is a target


def test_one_stage_has_one_loss():
    module, feats, batch = head(), features(), samples()
    losses = module.loss(OneStageFeatures(feats.fine), batch, {})
    both = module.loss(feats, batch, {})
    assert set(losses) == {"loss_kpt", "acc_pose"}
    assert losses["loss_kpt"] == both["loss_fine"] and losses["acc_pose"] == both["acc_pose"]


def test_without_weight_the_quality_stays_in_the_graph():
    feats = features()
    losses = head().loss(feats, samples(), dict(compute_acc=False))
    assert "acc_pose" not in losses
    assert losses["loss_quality"] == 0
    losses["loss_quality"].backward()
    assert feats.quality.grad is not None and not feats.quality.grad.any()


def test_sigmas():
    with pytest.raises(ValueError, match="expected sigmas for the OKS"):
        head(quality_weight=0.03).loss(features(), samples(), {})
    with pytest.raises(ValueError, match="expected 17 sigmas, one for each keypoint, got 14"):
        head(sigmas=[0.1] * 14)
    assert "sigmas" not in head(sigmas=[0.1] * M).state_dict()


def packed() -> list[PoseDataSample]:
    batch = get_packed_inputs(2, num_keypoints=M, img_shape=(64, 48), input_size=(48, 64))["data_samples"]
    for sample in batch:
        sample.set_metainfo(dict(flip_indices=[0, 2, 1, *range(3, M)]))
    return batch


def test_predict_decodes_the_last_stage():
    module, feats = head().eval(), features()
    with torch.no_grad():
        heatmaps = module(feats)
        instances, fields = module.predict(feats, packed(), dict(output_heatmaps=True))
    torch.testing.assert_close(heatmaps, module.keypoint_decoder(feats.fine))
    for i in range(2):
        keypoints, scores = module.decoder.decode(heatmaps[i].numpy())
        assert np.allclose(instances[i].keypoints, keypoints) and np.allclose(instances[i].keypoint_scores, scores)
        assert torch.equal(fields[i].heatmaps, heatmaps[i])


def test_flip_test():
    module, one, mirrored = head().eval(), features(), features()
    with torch.no_grad():
        _, fields = module.predict([one, mirrored], packed(), dict(flip_test=True, output_heatmaps=True))
        expected = (module(one) + module(mirrored).flip(-1)[:, [0, 2, 1, *range(3, M)]]) / 2
    torch.testing.assert_close(torch.stack([field.heatmaps for field in fields]), expected)


@pytest.mark.parametrize("num_layers", [1, 2])
def test_deployed_form(num_layers):
    module, feats = head(num_layers=num_layers).eval(), features()
    with torch.no_grad():
        expected = module(feats)
        got = switch_to_deploy(module)(feats)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    assert sum(isinstance(layer, FusedLinear) for layer in module.keypoint_decoder) == num_layers
