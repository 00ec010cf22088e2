"""X-HRNet trains as the official code does; the golden files are made by ``tests/models/make_golden.py``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext import convert
from mmpose_ext.models.xhrnet import x_shuffle
from mmpose_ext.models.xhrnet.susa import SpatiallyUnidimensionalSelfAttention
from tests.models.trajectory import Batch, Course, batch, fill, largest_difference, read, samples, train

GOLDEN = Path(__file__).with_name("golden")
REDUCED = dict(num_modules=(1, 1, 1), channels=(8, 16, 24, 32), stem_channels=16)
COURSE = Course(size=(96, 64), steps=40, optimizer=dict(type="Adam", lr=2e-3))
FULL = (
    dict(num_modules=(2, 4, 2), channels=(40, 80, 160, 320), stem_channels=32),
    Course(size=(96, 64), steps=1, optimizer=dict(type="Adam", lr=2e-3)),
)
"""X-HRNet-18."""


def build(arch: Mapping[str, Any], golden: Any, course: Course, loss: Mapping[str, Any] | None = None) -> nn.Module:
    size = course.size[1], course.size[0]
    backbone = dict(type="XHRNet", arch=dict(arch), input_size=size, double_statistics=True)
    head = dict(type="HeatmapHead", in_channels=arch["channels"][0], out_channels=17, deconv_out_channels=None)
    head["loss"] = dict(type="KeypointMSELoss", use_target_weight=True, **(loss or {}))
    network = MODELS.build(dict(type="TopdownPoseEstimator", backbone=backbone, head=head)).double()
    network.load_state_dict(convert.xhrnet(fill(golden.shapes, course.seed), input_size=size), strict=True)
    return network


def losses(network: nn.Module) -> Any:
    def of(batch: Batch, epoch: int) -> dict[str, Tensor]:
        found = network.head.loss(network.backbone(batch.images), samples(batch), dict(compute_acc=False))
        return {name: value for name, value in found.items() if name.startswith("loss")}

    return of


def check(
    name: str, arch: Mapping[str, Any], course: Course, loss: Mapping[str, Any] | None = None
) -> tuple[nn.Module, Any]:
    """Train beside the golden file, and compare every loss and the gradient of every parameter."""
    golden = read(GOLDEN / f"{name}.npz")
    network = build(arch, golden, course, loss)
    rows, norms = train(network, losses(network), course)
    expected = golden.norms_by(lambda state: convert.xhrnet(state, input_size=course.size[::-1]))
    assert norms.keys() == expected.keys()
    assert largest_difference(norms.values(), [expected[key] for key in norms], floor=1e-6) < 1e-7
    assert largest_difference(rows.ravel(), golden.arrays["losses"][: course.steps].ravel(), floor=1e-9) < 1e-6
    return network, golden


def test_forty_steps() -> None:
    """And what evaluation gives then, which depends on the running statistics."""
    network, golden = check("training", REDUCED, COURSE)
    network.eval()
    with torch.no_grad():
        after = losses(network)(batch(COURSE.seed, COURSE.size), 0)
    assert float(after["loss_kpt"]) == pytest.approx(float(golden.arrays["after"]), rel=1e-6)


def test_first_step_of_the_published_network() -> None:
    check("first_step", *FULL)


def detached_attention(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A gradient less: the attention is multiplied as a constant."""
    forward = SpatiallyUnidimensionalSelfAttention.forward
    monkeypatch.setattr(
        SpatiallyUnidimensionalSelfAttention, "forward", lambda self, x: forward(self, x.detach()) + (x - x.detach())
    )
    return {}


def smaller_loss(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    return dict(loss_weight=0.999)


def other_order(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Each half of the channels takes the place of the other behind a block."""
    interleave = x_shuffle.interleave
    monkeypatch.setattr(x_shuffle, "interleave", lambda first, second: interleave(second, first))
    return {}


@pytest.mark.parametrize("fault", [detached_attention, smaller_loss, other_order])
def test_a_fault_is_found(fault: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    loss = fault(monkeypatch)
    with pytest.raises(AssertionError):
        check("training", REDUCED, COURSE._replace(steps=2), loss)


def test_a_step_that_is_left_out_is_found() -> None:
    """The first two losses are right, the third is not."""
    golden = read(GOLDEN / "training.npz")
    network = build(REDUCED, golden, COURSE)
    (frozen, *_) = network.backbone.stages[-1][-1].parameters()
    frozen.requires_grad_(False)
    rows, _ = train(network, losses(network), COURSE._replace(steps=12))
    assert not np.allclose(rows, golden.arrays["losses"][:12], rtol=1e-6, atol=0)
