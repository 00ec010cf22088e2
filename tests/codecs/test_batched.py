"""The batched decoders give MMPose's results, bit for bit, and a head takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from mmpose.registry import KEYPOINT_CODECS, MODELS

SIZES = {"48x64": ((192, 256), (48, 64)), "odd": ((90, 126), (15, 21))}
CODECS: dict[str, dict[str, Any]] = {
    "msra": dict(type="MSRAHeatmap", sigma=2),
    "dark": dict(type="MSRAHeatmap", sigma=2, unbiased=True),
    "dark, wide kernel": dict(type="MSRAHeatmap", sigma=3, unbiased=True, blur_kernel_size=17),
    "udp": dict(type="UDPHeatmap", sigma=2),
    "udp, narrow kernel": dict(type="UDPHeatmap", sigma=1, blur_kernel_size=7),
    "udp combined": dict(type="UDPHeatmap", heatmap_type="combined"),
}


def pair(name: str, size: str) -> tuple[Any, Any]:
    """MMPose's codec and ours."""
    input_size, heatmap_size = SIZES[size]
    config = {**CODECS[name], "input_size": input_size, "heatmap_size": heatmap_size}
    return KEYPOINT_CODECS.build(config), KEYPOINT_CODECS.build({**config, "type": f"Batched{config['type']}"})


def blobs(codec: Any, batch: int, *, keypoints: int = 17, noise: float = 0.05) -> np.ndarray:
    """Heatmaps as a network makes them: a Gaussian anywhere, also at the edges, with noise on top."""
    rng = np.random.default_rng(0)
    width, height = codec.input_size
    points = rng.uniform((0, 0), (width, height), (batch, keypoints, 2)).astype(np.float32)
    corners = np.array([(0, 0), (width - 1, height - 1), (0, height / 2)])
    points[0, :3] = corners[:keypoints]
    maps = np.stack([codec.encode(p[None], np.ones((1, keypoints)))["heatmaps"] for p in points])
    return (maps * rng.uniform(0.2, 1.1) + noise * rng.standard_normal(maps.shape)).astype(np.float32)


def assert_equal(stock: Any, ours: Any, heatmaps: np.ndarray) -> None:
    before = heatmaps.copy()
    expected = [stock.decode(maps) for maps in heatmaps]
    keypoints, scores = ours.batch_decode(torch.from_numpy(heatmaps))
    assert len(keypoints) == len(scores) == len(heatmaps)
    for (points, values), got_points, got_values in zip(expected, keypoints, scores, strict=True):
        assert (got_points.dtype, got_values.dtype) == (points.dtype, values.dtype)
        np.testing.assert_array_equal(got_points, points)
        np.testing.assert_array_equal(got_values, values)
    np.testing.assert_array_equal(heatmaps, before)


every_codec = pytest.mark.parametrize("name", CODECS)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("batch", [1, 5])
@every_codec
def test_equal_to_the_last_bit(name: str, batch: int, size: str) -> None:
    stock, ours = pair(name, size)
    assert_equal(stock, ours, blobs(stock, batch))


@every_codec
def test_noise_and_plateaus(name: str) -> None:
    """Maxima anywhere, many of them twice."""
    stock, ours = pair(name, "odd")
    maps = np.random.default_rng(1).integers(1, 6, (8, 17 if name != "udp combined" else 51, 21, 15))
    assert_equal(stock, ours, (maps / 8).astype(np.float32))


@every_codec
def test_nothing_found(name: str) -> None:
    """Below zero everywhere: (-1, -1), which UDP then refines with what lies beside it in memory."""
    stock, ours = pair(name, "odd")
    maps = blobs(stock, 3)
    maps[0, 0], maps[1, 4], maps[2, -3] = -maps[0, 0] - 1, -0.5, -np.abs(maps[2, -3])
    assert_equal(stock, ours, maps)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@every_codec
def test_a_map_of_zeros(name: str) -> None:
    stock, ours = pair(name, "odd")
    maps = blobs(stock, 3)
    maps[1, 3:9] = 0
    assert_equal(stock, ours, maps)


@every_codec
def test_one_key_point(name: str) -> None:
    stock, ours = pair(name, "odd")
    assert_equal(stock, ours, blobs(stock, 2, keypoints=1))


@pytest.mark.parametrize("dtype", [np.float64, np.float16])
@pytest.mark.parametrize("name", ["msra", "dark", "udp"])
def test_other_precision(name: str, dtype: type) -> None:
    if (name, dtype) == ("dark", np.float16) and np.__version__ >= "2":
        pytest.skip("numpy 2 inverts no matrix of float16, which MMPose's decoding asks for")
    stock, ours = pair(name, "odd")
    assert_equal(stock, ours, blobs(stock, 2).astype(dtype))


@every_codec
def test_encoding_is_inherited(name: str) -> None:
    stock, ours = pair(name, "48x64")
    assert type(ours).encode is type(stock).encode and type(ours).decode is type(stock).decode
    assert ours.support_batch_decoding and not stock.support_batch_decoding


@pytest.mark.parametrize("name", ["msra", "udp"])
def test_wrong_shape(name: str) -> None:
    _, ours = pair(name, "odd")
    with pytest.raises(ValueError, match=r"expected heatmaps of shape .*, got \(17, 21, 15\)"):
        ours.batch_decode(np.zeros((17, 21, 15), dtype=np.float32))


@pytest.mark.parametrize("name", ["msra", "dark", "udp"])
def test_a_head_uses_it(name: str) -> None:
    input_size, heatmap_size = SIZES["48x64"]
    codec = {**CODECS[name], "input_size": input_size, "heatmap_size": heatmap_size}
    loss = dict(type="KeypointMSELoss")

    def head(kind: str) -> Any:
        torch.manual_seed(0)
        decoder = {**codec, "type": kind}
        config = dict(type="HeatmapHead", in_channels=4, out_channels=17, deconv_out_channels=None, loss=loss)
        return MODELS.build(dict(**config, decoder=decoder)).eval()

    feats = (torch.rand(3, 4, 64, 48),)
    with torch.no_grad():
        expected, got = (head(k).predict(feats, []) for k in (codec["type"], f"Batched{codec['type']}"))
    for one, other in zip(expected, got, strict=True):
        np.testing.assert_array_equal(one.keypoints, other.keypoints)
        np.testing.assert_array_equal(one.keypoint_scores, other.keypoint_scores)
