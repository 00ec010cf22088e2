"""Gaussian filter and quarter offset, bit for bit as MMPose's functions one after the other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmpose.codecs.utils import gaussian_blur, get_heatmap_maximum, refine_keypoints
from mmpose.registry import KEYPOINT_CODECS

SIZES = {"128": ((256, 256), (128, 128), 25), "64": ((128, 128), (64, 64), 11), "odd": ((90, 126), (15, 21), 7)}


def build(size: str, **kwargs):
    input_size, heatmap_size, kernel = SIZES[size]
    config = dict(input_size=input_size, heatmap_size=heatmap_size, sigma=2, blur_kernel_size=kernel)
    return KEYPOINT_CODECS.build({"type": "BlurredMSRAHeatmap", **config, **kwargs})


def heatmaps(codec, batch: int, *, keypoints: int = 16) -> np.ndarray:
    """A peak anywhere, also at the edges, in noise that has peaks of its own."""
    rng = np.random.default_rng(0)
    points = rng.uniform((0, 0), codec.input_size, (batch, keypoints, 2)).astype(np.float32)
    points[0, :2] = (0, 0), np.array(codec.input_size) - 1
    maps = np.stack([codec.encode(p[None], np.ones((1, keypoints)))["heatmaps"] for p in points])
    return (maps + 0.4 * rng.standard_normal(maps.shape)).astype(np.float32)


def stock(codec, maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of one person (K, H, W)."""
    blurred = gaussian_blur(maps.copy(), codec.blur_kernel_size)
    positions, scores = get_heatmap_maximum(blurred)
    return refine_keypoints(positions[None], blurred) * codec.scale_factor, scores[None]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", SIZES)
def test_equal_to_the_last_bit(size: str, layout: torch.memory_format) -> None:
    codec = build(size)
    maps = heatmaps(codec, 3)
    before = maps.copy()
    points, scores = codec.batch_decode(torch.from_numpy(maps).contiguous(memory_format=layout))
    for person, got_points, got_scores in zip(maps, points, scores, strict=True):
        for got in ((got_points, got_scores), codec.decode(person)):
            for value, expected in zip(got, stock(codec, person), strict=True):
                np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(maps, before)


def test_the_filter_makes_a_difference() -> None:
    codec = build("64")
    maps = heatmaps(codec, 4)
    plain = KEYPOINT_CODECS.build(dict(type="MSRAHeatmap", input_size=(128, 128), heatmap_size=(64, 64), sigma=2))
    assert any((codec.decode(m)[0] != plain.decode(m)[0]).any() for m in maps)


def test_encode_and_decode() -> None:
    codec = build("128", sigma=4)
    points = np.random.default_rng(1).uniform(20, 236, (1, 16, 2)).astype(np.float32)
    decoded, _ = codec.decode(codec.encode(points, np.ones((1, 16)))["heatmaps"])
    assert np.abs(decoded - points).max() <= 1.5  # the targets' centers are whole pixels of the heatmap


@pytest.mark.parametrize("kernel", [10, 1])
def test_kernel(kernel: int) -> None:
    with pytest.raises(ValueError, match=f"blur_kernel_size must be odd and at least 3, got {kernel}"):
        build("64", blur_kernel_size=kernel)


def test_shape() -> None:
    with pytest.raises(ValueError, match=r"\(batch, keypoints, height, width\), got \(16, 64, 64\)"):
        build("64").batch_decode(np.zeros((16, 64, 64), np.float32))
