"""The sweep over the quality threshold: the same as the network with that threshold."""

from __future__ import annotations

import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.testing import get_packed_inputs
from torch import nn

from mmpose_ext.toolbox.studies.threshold import (
    Batch,
    Row,
    Stages,
    evaluate,
    images_per_second,
    labels,
    plot,
    thresholds_for,
)

CODEC = dict(type="UDPHeatmap", input_size=(32, 48), heatmap_size=(8, 12), sigma=1)


class MeanX:
    """An evaluator that gives the mean of all predicted x."""

    def __init__(self) -> None:
        self.seen: list[InstanceData] = []

    def process(self, data_samples, data_batch):
        self.seen += [sample.pred_instances for sample in data_samples]

    def evaluate(self, size):
        value = sum(float(x.keypoints[..., 0].mean()) for x in self.seen) / len(self.seen)
        self.seen = []
        return {"x": value}


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    arch = dict(width=16, depth=4, num_heads=2)
    head = dict(type="SHaRPoseHead", in_channels=16, out_channels=5, heatmap_size=(8, 12), decoder=CODEC)
    backbone = dict(type="SHaRPose", arch=arch, num_keypoints=5, input_size=(32, 48), patch_size=4)
    built = MODELS.build(
        dict(type="TopdownPoseEstimator", backbone=backbone, head=head, test_cfg=dict(flip_test=False))
    )
    for parameter in built.parameters():
        nn.init.normal_(parameter, std=0.3)
    return built.eval()


def test_a_threshold_of_the_sweep_is_that_of_the_network(model):
    images = torch.randn(6, 3, 48, 32)
    samples = get_packed_inputs(6, num_keypoints=5, img_shape=(48, 32), input_size=(32, 48))["data_samples"]
    with torch.no_grad():
        out = model.backbone(images)
        batches = [Batch([Stages(out.coarse, out.fine, out.quality)], samples)]
        for threshold in thresholds_for(batches, 4):
            model.backbone.quality_threshold = threshold
            expected = model.backbone(images)
            instances = model.head.predict(expected, samples, test_cfg={})
            model.backbone.quality_threshold = None
            x = MeanX()
            x.process(model.add_pred_to_datasample(instances, None, samples), None)
            share, metrics = evaluate(model, batches, MeanX(), threshold)
            assert share == pytest.approx(float(expected.refined.float().mean()))
            assert metrics["x"] == pytest.approx(x.evaluate(6)["x"], abs=1e-4)


def test_thresholds_go_from_none_to_all():
    quality = torch.tensor([0.3, 0.1, 0.9, 0.5, 0.7])
    found = thresholds_for([Batch([Stages(quality, quality, quality)], [])], 3)
    shares = [float((quality < threshold).float().mean()) for threshold in found]
    assert shares == pytest.approx([0, 0.4, 1])


def test_speed_is_that_of_the_share_that_is_refined(model, monkeypatch):
    refined = []
    fine_stage = model.backbone.fine_stage
    monkeypatch.setattr(model.backbone, "fine_stage", lambda x: refined.append(len(x.images)) or fine_stage(x))
    speeds = images_per_second(model, torch.randn(6, 3, 48, 32), [0.0, 0.34, 1.0], rounds=1)
    assert len(speeds) == 3 and min(speeds) > 0
    assert refined == [2, 6] * 2  # to warm up, and once
    assert model.backbone.quality_threshold is None


def test_labels_tell_thresholds_apart():
    assert labels([0.5, 0.95]) == ["0.5", "0.95"]
    assert labels([0.335712, 0.335718]) == ["0.33571", "0.33572"]


@pytest.mark.parametrize("speed", [None, 10.0])
def test_plot(tmp_path, speed):
    path = tmp_path / "sweep.png"
    plot(path, [Row(0.1, 0.0, {"AP": 0.5}, speed), Row(0.9, 1.0, {"AP": 0.6}, speed)], "AP")
    assert path.read_bytes().startswith(b"\x89PNG")
