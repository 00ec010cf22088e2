"""What all heatmap heads share: bfloat16, the flip test, the choice of heatmaps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample
from mmpose.testing import get_packed_inputs
from torch import Tensor, nn

from mmpose_ext.heads import HeatmapHeadBase, flip_average, pose_accuracy
from mmpose_ext.models.sfm import SFMHead
from mmpose_ext.models.sharpose import SHaRPoseFeatures, SHaRPoseHead
from mmpose_ext.models.ssn import SSNHead

K = 3
CODEC = dict(type="MSRAHeatmap", input_size=(48, 64), heatmap_size=(12, 16), sigma=1)
MIRRORED = [0, 2, 1]


class Plain(HeatmapHeadBase):
    """Hands its input on, as the first of two stages and doubled as the second."""

    def forward(self, feats: Tensor) -> tuple[Tensor, Tensor]:
        return feats, 2 * feats

    def loss(self, feats, batch_data_samples, train_cfg):
        raise NotImplementedError


def samples(batch: int = 2) -> list[PoseDataSample]:
    generator = torch.Generator().manual_seed(2)
    made = []
    for _ in range(batch):
        sample = PoseDataSample(metainfo=dict(flip_indices=MIRRORED))
        sample.gt_fields = PixelData(heatmaps=torch.rand(K, 16, 12, generator=generator))
        sample.gt_instance_labels = InstanceData(keypoint_weights=torch.ones(1, K))
        made.append(sample)
    return made


def packed() -> list[PoseDataSample]:
    batch = get_packed_inputs(2, num_keypoints=K, img_shape=(64, 48), input_size=(48, 64))["data_samples"]
    for sample in batch:
        sample.set_metainfo(dict(flip_indices=MIRRORED))
    return batch


def heads() -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
    torch.manual_seed(0)
    maps = (torch.randn(2, 32, 16, 12), torch.randn(2, 32, 16, 12))
    sharpose = SHaRPoseHead(8, K, heatmap_size=(12, 16), decoder=CODEC, quality_weight=0.03, sigmas=[0.1] * K)
    tokens = SHaRPoseFeatures(
        torch.randn(2, K, 8),
        torch.randn(2, K, 8),
        torch.rand(2),
        torch.ones(2, dtype=torch.bool),
        torch.zeros(2, 1, dtype=torch.long),
    )
    return {
        "SFM": (SFMHead(32, K, decoder=CODEC), maps),
        "SSN": (SSNHead(32, K, predictors=("E1", "P4"), decoder=CODEC), maps),
        "SSN with norm": (SSNHead(32, K, predictors=("E1", "P4"), tail="norm", decoder=CODEC), maps),
        "SHaRPose": (sharpose, tokens),
    }


@pytest.mark.parametrize("whole", [False, True], ids=["autocast", "cast"])
@pytest.mark.parametrize("name", list(heads()))
def test_losses_and_predictions_in_bfloat16(name: str, whole: bool) -> None:
    head, feats = heads()[name]
    expected = head.loss(feats, samples(), {})
    if whole:
        head = head.bfloat16()
        feats = (
            type(feats)(*(x.bfloat16() if x.is_floating_point() else x for x in feats))
            if name == "SHaRPose"
            else (tuple(x.bfloat16() for x in feats))
        )
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=not whole):
        losses = head.loss(feats, samples(), {})
        instances = head.eval().predict(feats, packed(), {})
    for key, value in losses.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, expected[key], rtol=0.05, atol=0.05)
    sum(value for key, value in losses.items() if key.startswith("loss")).backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in head.parameters())
    assert len(instances) == 2 and np.isfinite(instances[0].keypoints).all()


def test_the_last_heatmaps_are_decoded() -> None:
    head, x = Plain(CODEC), torch.rand(2, K, 16, 12)
    instances, fields = head.predict(x, packed(), dict(output_heatmaps=True))
    assert torch.equal(torch.stack([field.heatmaps for field in fields]), 2 * x)
    assert np.array_equal(instances[1].keypoints, head.decoder.decode(2 * x[1].numpy())[0])


@pytest.mark.parametrize("shift", [False, True])
def test_flip_average_against_a_loop(shift: bool) -> None:
    one, mirrored = torch.rand(2, 2, K, 4, 5)
    expected = torch.empty_like(one)
    for b in range(2):
        for k in range(K):
            for y in range(4):
                row = [mirrored[b, MIRRORED[k], y, 4 - x] for x in range(5)]
                if shift:
                    row = [row[0], *row[:-1]]
                for x in range(5):
                    expected[b, k, y, x] = (one[b, k, y, x] + row[x]) / 2
    torch.testing.assert_close(flip_average(one, mirrored, samples(), dict(shift_heatmap=shift)), expected)


def test_a_flip_test_needs_two_passes() -> None:
    with pytest.raises(ValueError, match="with flip_test a head expects a list of two.*got Tensor of 2"):
        Plain(CODEC).predict(torch.rand(2, K, 16, 12), packed(), dict(flip_test=True))


def test_accuracy_leaves_out_what_has_no_label() -> None:
    target = torch.zeros(1, 2, 16, 12)
    target[0, :, 8, 6] = 1
    predicted = target.clone()
    predicted[0, 1] = target[0, 1].roll(6, dims=1)
    assert pose_accuracy(predicted, target, torch.tensor([[1.0, 1.0]])) == 0.5
    assert pose_accuracy(predicted.bfloat16(), target, torch.tensor([[1.0, 0.0]])) == 1
