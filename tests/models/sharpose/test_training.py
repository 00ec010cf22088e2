"""SHaRPose trains as the official code does; the golden files are made by ``tests/models/make_golden.py``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext import convert
from mmpose_ext.engine.hooks import QualityScheduleHook
from mmpose_ext.models.sharpose import FeatureReuse, coarse_stage
from mmpose_ext.models.sharpose import backbone as backbone_file
from tests.models.sharpose.test_parity import COCO_SIGMAS
from tests.models.trajectory import Batch, Course, batch, fill, largest_difference, read, samples, train

GOLDEN = Path(__file__).with_name("golden")
BACKBONE = dict(arch=dict(width=32, depth=4, num_heads=4), patch_size=8, alpha=0.4)
COURSE = Course(size=(96, 64), steps=40, optimizer=dict(type="AdamW", lr=5e-4, weight_decay=0.1))
FULL = (
    dict(arch=dict(width=384, depth=12, num_heads=12), patch_size=16, alpha=0.5),
    Course(size=(128, 96), steps=1, optimizer=dict(type="AdamW", lr=5e-4, weight_decay=0.1)),
)
"""SHaRPose-Small."""
BEGIN = 2
"""Epochs without the quality loss and the gate, of four."""
THRESHOLD = 0.24
"""Between the qualities of eight persons in the third epoch."""


def build(numbers: Mapping[str, Any], golden: Any, course: Course, loss: Mapping[str, Any]) -> nn.Module:
    height, width = course.size
    backbone = dict(type="SHaRPose", **numbers, input_size=(width, height), drop_path_rate=0.0)
    head = dict(
        type="SHaRPoseHead",
        in_channels=numbers["arch"]["width"],
        out_channels=17,
        heatmap_size=(width // 4, height // 4),
        loss=dict(type="KeypointMSELoss", use_target_weight=True, **loss),
        sigmas=[sigma / 10 for sigma in COCO_SIGMAS],
        swapped_oks=True,
    )
    network = MODELS.build(
        dict(type="TopdownPoseEstimator", backbone=dict(backbone, quality_threshold=THRESHOLD), head=head)
    ).double()
    network.load_state_dict(convert.sharpose(fill(golden.shapes, course.seed)), strict=True)
    return network


class Trained:
    """Losses, norms and evaluations of a training.

    Args:
        name: Of the golden file.
        numbers: Of the backbone.
        course: Of the training.
        begin: Epochs without the quality loss.
        loss: Arguments of the heatmap loss.
    """

    def __init__(
        self,
        name: str,
        numbers: Mapping[str, Any],
        course: Course,
        *,
        begin: int = BEGIN,
        loss: Mapping[str, Any] | None = None,
    ) -> None:
        self.golden = read(GOLDEN / f"{name}.npz")
        self.course = course
        self.network = build(numbers, self.golden, course, loss or {})
        self.hook = QualityScheduleHook(begin=begin)
        self.refined: list[int] = []
        self.after: list[float] = []
        self.rows, self.norms = train(self.network, self.losses, course, after_epoch=self.test)

    def losses(self, data: Batch, epoch: int) -> dict[str, Tensor]:
        """As a runner calls hook and head."""
        self.hook.before_train_epoch(SimpleNamespace(model=self.network, epoch=epoch))
        features = self.network.backbone(data.images)
        found = self.network.head.loss(features, samples(data), dict(compute_acc=False))
        return {name: value for name, value in found.items() if name.startswith("loss")}

    def test(self, epoch: int) -> None:
        """Which of eight persons the fine stage sees, and the error of their heatmaps."""
        self.network.eval()
        data = batch(self.course.seed, self.course.size, persons=8)
        with torch.no_grad():
            features = self.network.backbone(data.images)
            heatmaps = self.network.head(features)
            self.after.append(float(self.network.head.loss_module(heatmaps, data.targets, data.weights)))
        self.refined.append(int(features.refined.sum()))

    def check(self) -> None:
        """Compare with the golden file."""
        expected, arrays = self.golden.norms_by(convert.sharpose), self.golden.arrays
        assert self.norms.keys() == expected.keys()
        found = largest_difference(self.norms.values(), [expected[name] for name in self.norms], floor=1e-6)
        assert found < 1e-7
        steps = len(self.rows)
        assert largest_difference(self.rows.ravel(), arrays["losses"][:steps].ravel(), floor=1e-9) < 1e-6
        assert self.refined == arrays["refined"][: len(self.refined)].tolist()
        assert self.after == pytest.approx(arrays["after"][: len(self.after)].tolist(), rel=1e-6)


def test_forty_steps() -> None:
    """Over the epoch from which on the quality is learned and counts in evaluation."""
    trained = Trained("training", BACKBONE, COURSE)
    trained.check()
    assert trained.refined[:BEGIN] == [8] * BEGIN and 0 < trained.refined[BEGIN] < 8


def test_first_step_of_the_published_network() -> None:
    Trained("first_step", *FULL).check()


def detached_reuse(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The fine stage no longer teaches the coarse one."""
    forward = FeatureReuse.forward
    monkeypatch.setattr(FeatureReuse, "forward", lambda self, coarse, ratio: forward(self, coarse.detach(), ratio))
    return {}


def smaller_loss(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    return dict(loss=dict(loss_weight=0.999))


def later_gate(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    return dict(begin=BEGIN + 1)


def ascending_relevance(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The least relevant patches are refined."""
    select = coarse_stage.select
    monkeypatch.setattr(coarse_stage, "select", lambda scores, number: select(-scores, number))
    return {}


def parts_in_another_order(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Each fine patch has the position of another one."""
    index = backbone_file.fine_index
    monkeypatch.setattr(
        backbone_file, "fine_index", lambda coarse, columns, ratio: index(coarse.flip(1), columns, ratio)
    )
    return {}


@pytest.mark.parametrize(
    ("fault", "epochs"),
    [
        (detached_reuse, 1),
        (smaller_loss, 1),
        (later_gate, BEGIN + 1),
        (ascending_relevance, 1),
        (parts_in_another_order, 1),
    ],
)
def test_a_fault_is_found(fault: Any, epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    course = COURSE._replace(steps=epochs * COURSE.epoch)
    with pytest.raises(AssertionError):
        Trained("training", BACKBONE, course, **fault(monkeypatch)).check()


def test_without_a_fault_the_short_run_is_right() -> None:
    """What the tests above run, without what they break."""
    Trained("training", BACKBONE, COURSE._replace(steps=COURSE.epoch)).check()
    assert np.isfinite(read(GOLDEN / "training.npz").arrays["losses"]).all()
