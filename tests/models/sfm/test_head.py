"""The head: a loss on both outputs, a switch, and the final output as the prediction."""

from __future__ import annotations

import pytest
import torch
from mmpose.registry import MODELS
from mmpose.testing import get_packed_inputs
from torch import Tensor, nn

from mmpose_ext.models.sfm import SFMFeatures, SFMHead

K = 5
CODEC = dict(type="MSRAHeatmap", input_size=(32, 48), heatmap_size=(16, 24), sigma=2)


def head(**kwargs) -> SFMHead:
    module = SFMHead(8, K, decoder=CODEC, **kwargs)
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    return module


def samples(batch: int = 2) -> list:
    packed = get_packed_inputs(batch, num_keypoints=K, img_shape=(48, 32), input_size=(32, 48), heatmap_size=(16, 24))
    for sample in packed["data_samples"]:
        sample.set_metainfo({"flip_indices": [0, 2, 1, 4, 3]})
    return packed["data_samples"]


def features(batch: int = 2) -> SFMFeatures:
    return SFMFeatures(torch.randn(batch, 8, 24, 16), torch.randn(batch, 8, 24, 16))


def naive_mse(heatmaps: Tensor, data: list) -> float:
    """Mean over samples, keypoints and pixels of the squared error, of labeled keypoints."""
    total, number = 0.0, 0
    for maps, sample in zip(heatmaps, data, strict=True):
        for k in range(K):
            weight = float(sample.gt_instance_labels.keypoint_weights[0, k])
            total += weight * float(((maps[k] - sample.gt_fields.heatmaps[k]) ** 2).sum())
            number += maps[k].numel()
    return total / number


def test_loss_on_both_outputs() -> None:
    module, data, feats = head(), samples(), features()
    data[0].gt_instance_labels.keypoint_weights[0, 1] = 0
    losses = module.loss(feats, data, {})
    assert set(losses) == {"loss_middle", "loss_final", "acc_pose"}
    middle, final = module(feats)
    assert losses["loss_middle"].item() == pytest.approx(naive_mse(middle.detach(), data), rel=1e-4)
    assert losses["loss_final"].item() == pytest.approx(naive_mse(final.detach(), data), rel=1e-4)
    sum(value for key, value in losses.items() if "loss" in key).backward()
    assert all(parameter.grad.any() for parameter in module.parameters())


def test_switch() -> None:
    module, data, feats = head(supervise_middle=False), samples(), features()
    assert len(module(feats)) == 1 and sum(p.numel() for p in module.parameters()) == 8 * K + K
    assert set(module.loss(feats, data, dict(compute_acc=False))) == {"loss_final"}


def test_the_prediction_is_the_final_output() -> None:
    module, data, feats = head(), samples(), features()
    expected, _ = module.decoder.decode(module.final(feats.final)[0].detach().numpy())
    with torch.no_grad():
        (instances, _), fields = module.predict(feats, data, dict(output_heatmaps=True))
    assert (instances.keypoints == expected).all()
    assert torch.equal(fields[1].heatmaps, module.final(feats.final)[1])
    other = SFMFeatures(feats.middle + 1, feats.final)
    with torch.no_grad():
        assert (module.predict(other, data, {})[0].keypoints == expected).all()


def test_flip_test_averages_with_the_mirrored_image() -> None:
    module, data, feats = head(), samples(), features()
    pair = [feats, features()]
    with torch.no_grad():
        _, fields = module.predict(pair, data, dict(flip_test=True, output_heatmaps=True, shift_heatmap=True))
        mirrored = module.final(pair[1].final).flip(-1)[:, [0, 2, 1, 4, 3]]
        mirrored[..., 1:] = mirrored[..., :-1].clone()
        expected = (module.final(feats.final) + mirrored) / 2
    torch.testing.assert_close(torch.stack([field.heatmaps for field in fields]), expected)


def test_training_in_bfloat16() -> None:
    """The accuracy goes to NumPy, which has no bfloat16."""
    model = MODELS.build(
        dict(
            type="TopdownPoseEstimator",
            backbone=dict(type="SFM", arch=dict(channels=(8, 8), block="conv")),
            head=dict(type="SFMHead", in_channels=8, out_channels=K, decoder=CODEC),
        )
    )
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = model.loss(torch.randn(2, 3, 48, 32), samples())
    assert losses["loss_final"].isfinite() and losses["acc_pose"].isfinite()
