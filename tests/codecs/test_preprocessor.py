"""The batched preprocessor gives MMPose's batch, bit for bit."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmpose.registry import MODELS
from mmpose.testing import get_packed_inputs

NORM = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])


def both(data: dict[str, Any], training: bool = False, **options: Any) -> list[dict[str, Any]]:
    results = []
    for kind in ("PoseDataPreprocessor", "BatchedPoseDataPreprocessor"):
        results.append(MODELS.build(dict(type=kind, **options))(copy.deepcopy(data), training))
    return results


def assert_equal(stock: dict[str, Any], ours: dict[str, Any]) -> None:
    assert torch.equal(stock["inputs"], ours["inputs"]) and stock["inputs"].dtype == ours["inputs"].dtype
    for one, other in zip(stock["data_samples"], ours["data_samples"], strict=True):
        assert set(one.all_keys()) == set(other.all_keys())
        for key in ("batch_input_shape", "pad_shape", "input_center"):
            np.testing.assert_array_equal(one.metainfo[key], other.metainfo[key])


def packed(*shapes: tuple[int, int]) -> dict[str, Any]:
    parts = [get_packed_inputs(1, num_keypoints=17, img_shape=s, input_size=s[::-1]) for s in shapes]
    return {key: [value for part in parts for value in part[key]] for key in parts[0]}


@pytest.mark.parametrize(
    "options",
    [
        {},
        NORM,
        dict(bgr_to_rgb=True),
        dict(**NORM, bgr_to_rgb=True),
        dict(**NORM, bgr_to_rgb=True, pad_size_divisor=8),
        dict(**NORM, bgr_to_rgb=True, pad_size_divisor=64, pad_value=3),
    ],
    ids=str,
)
@pytest.mark.parametrize("shapes", [[(32, 24)], [(32, 24)] * 5, [(32, 24), (40, 24)]], ids=str)
def test_the_same_batch(options: dict[str, Any], shapes: list[tuple[int, int]]) -> None:
    for training in (False, True):
        assert_equal(*both(packed(*shapes), training, **options))


def test_the_fast_way_is_taken(monkeypatch) -> None:
    ours = MODELS.build(dict(type="BatchedPoseDataPreprocessor", **NORM, bgr_to_rgb=True))
    data = packed((32, 24), (32, 24))
    monkeypatch.setattr(type(ours).__mro__[1], "forward", lambda *args: pytest.fail("MMPose's way"))
    out = ours(data)
    assert out["data_samples"][0] is data["data_samples"][0]
    assert data["inputs"][0].dtype == torch.uint8, "the input stays as it is"


def test_targets_are_moved_where_they_are_elsewhere() -> None:
    """`meta` stands for the device of a model that is not the one of the data."""
    ours = MODELS.build(dict(type="BatchedPoseDataPreprocessor", **NORM))
    data = packed((32, 24))
    sample = data["data_samples"][0]
    sample.gt_fields = PixelData(heatmaps=torch.zeros(17, 8, 6))
    assert ours(data)["data_samples"][0] is sample
    ours._device = torch.device("meta")
    assert ours._cast(sample).gt_fields.heatmaps.is_meta


@pytest.mark.gpu
def test_on_a_gpu() -> None:
    data = packed((32, 24), (32, 24))
    stock, ours = (
        MODELS.build(dict(type=kind, **NORM, bgr_to_rgb=True)).cuda()(copy.deepcopy(data))["inputs"]
        for kind in ("PoseDataPreprocessor", "BatchedPoseDataPreprocessor")
    )
    assert ours.is_cuda and torch.equal(stock, ours)
