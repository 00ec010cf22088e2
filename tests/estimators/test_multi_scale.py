"""Multi-scale testing: crops and heatmaps whose right answer is known."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmpose.models.heads import HeatmapHead
from mmpose.registry import MODELS, TRANSFORMS
from mmpose.testing import get_packed_inputs
from torch import Tensor, nn

from mmpose_ext.estimators.multi_scale import zoom_center
from mmpose_ext.estimators.pyramid import average, resample
from mmpose_ext.heads import last_heatmaps

ZOOMS = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2)
SIZE = (64, 96)
"""Width and height of the input."""
MSRA = dict(type="MSRAHeatmap", input_size=SIZE, heatmap_size=(16, 24), sigma=2)
CODECS = {
    "msra": MSRA,
    "dark": dict(MSRA, unbiased=True),
    "udp": dict(type="UDPHeatmap", input_size=SIZE, heatmap_size=(16, 24), sigma=2),
    "megvii": dict(type="MegviiHeatmap", input_size=SIZE, heatmap_size=(16, 24), kernel_size=5),
}


def gaussian(x: float, y: float, width: int, height: int, sigma: float = 2.0) -> Tensor:
    xs, ys = torch.arange(width), torch.arange(height)[:, None]
    return torch.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * sigma**2))


def centroid(heatmap: Tensor) -> tuple[float, float]:
    height, width = heatmap.shape
    mass = heatmap.sum()
    return (
        float((heatmap.sum(0) * torch.arange(width)).sum() / mass),
        float((heatmap.sum(1) * torch.arange(height)).sum() / mass),
    )


class Spy(nn.Module):
    """A "backbone" that hands on the images, so that a head's input is what the estimator cut."""

    def forward(self, images: Tensor) -> tuple[Tensor]:
        return (images,)


def estimator(test_cfg: dict, codec: dict = MSRA, kind: str = "MultiScaleTopdownPoseEstimator", **model: Any) -> Any:
    config = dict(
        type=kind,
        data_preprocessor=dict(type="PoseDataPreprocessor"),
        backbone=dict(type="ResNet", depth=18, base_channels=4, stem_channels=4),
        head=dict(
            type="HeatmapHead",
            in_channels=32,
            out_channels=17,
            deconv_out_channels=(8, 8, 8),
            deconv_kernel_sizes=(4, 4, 4),
            decoder=codec,
        ),
        test_cfg=test_cfg,
    )
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope("mmpose"):
        return MODELS.build({**config, **model}).eval()


def packed(number: int = 2) -> dict:
    torch.manual_seed(1)
    data = get_packed_inputs(number, img_shape=SIZE[::-1], input_size=SIZE)
    data["inputs"] = [torch.randint(0, 255, (3, *SIZE[::-1]), dtype=torch.uint8) for _ in range(number)]
    return data


def predict(model: Any, data: dict) -> np.ndarray:
    with torch.no_grad():
        return np.concatenate([sample.pred_instances.keypoints for sample in model.test_step(data)])


@pytest.mark.parametrize("zoom", [0.7, 1.0, 1.3])
@pytest.mark.parametrize("middle", [False, True])
def test_a_peak_comes_back_to_its_place(zoom: float, middle: bool) -> None:
    """A peak at p in zoom 1 is at c + (p - c) z in zoom z; brought back it is at p again, and z times as narrow."""
    width, height, (x, y) = 40, 48, (22.0, 20.5)
    center = ((width - 1) / 2, (height - 1) / 2) if middle else (width / 2, height / 2)
    seen = gaussian(center[0] + (x - center[0]) * zoom, center[1] + (y - center[1]) * zoom, width, height)
    back = resample(seen[None, None], zoom, center=center)
    assert centroid(back.maps[0, 0]) == pytest.approx((x, y), abs=0.01)
    inside = back.known > 0.999
    expected = gaussian(x, y, width, height, 2.0 / zoom)
    assert (back.maps[0, 0] - expected)[inside].abs().max() < 0.06  # bilinear reading flattens a peak a little


def test_resample_equals_a_loop() -> None:
    maps, factor, center = torch.randn(2, 3, 7, 6), 0.8, (3.0, 3.5)
    out, known = resample(maps, factor, center=center)
    for row in range(7):
        for column in range(6):
            y, x = center[1] + (row - center[1]) * factor, center[0] + (column - center[0]) * factor
            expected, weight = torch.zeros(2, 3), 0.0
            for i in (int(np.floor(y)), int(np.floor(y)) + 1):
                for j in (int(np.floor(x)), int(np.floor(x)) + 1):
                    share = (1 - abs(y - i)) * (1 - abs(x - j))
                    if 0 <= i < 7 and 0 <= j < 6:
                        expected, weight = expected + share * maps[:, :, i, j], weight + share
            torch.testing.assert_close(out[:, :, row, column], expected, rtol=1e-4, atol=1e-5)
            assert float(known[row, column]) == pytest.approx(weight, abs=1e-5)


def test_positions_that_a_zoom_does_not_show_are_left_to_the_others() -> None:
    constant = torch.ones(1, 2, 24, 16)
    merged = average([constant, 3 * constant], (1.0, 2.0), center=(8.0, 12.0))
    assert merged[0, 0, 12, 8] == pytest.approx(2.0)  # both see the middle
    assert merged[0, 0, 0, 0] == pytest.approx(1.0)  # zoom 2 does not show the corner


@pytest.mark.parametrize("name", list(CODECS))
def test_one_zoom_is_the_plain_estimator(name: str) -> None:
    test_cfg = dict(flip_test=True, flip_mode="heatmap", shift_heatmap=name == "msra")
    plain = estimator(test_cfg, CODECS[name], "TopdownPoseEstimator")
    pyramid = estimator({**test_cfg, "zooms": (1.0,)}, CODECS[name])
    pyramid.load_state_dict(plain.state_dict())
    data = packed()
    np.testing.assert_array_equal(predict(pyramid, copy.deepcopy(data)), predict(plain, data))


@pytest.mark.parametrize("name", list(CODECS))
@pytest.mark.parametrize("strip", [True, False], ids=["strip", "one crop"])
def test_a_dot_is_found_where_it_is_at_every_zoom(name: str, strip: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Picture, pipeline, network, heatmaps and decoding together: the network answers with what it sees."""
    picture = np.zeros((200, 200, 3), np.float32)
    truth = np.array([96.0, 118.0])
    picture[:] = gaussian(*truth, 200, 200, sigma=6.0).numpy()[..., None] * 255
    udp = name == "udp"
    config = dict(type="PyramidTopdownAffine", zooms=ZOOMS) if strip else dict(type="TopdownAffine")
    transform = TRANSFORMS.build(dict(config, input_size=SIZE, use_udp=udp))
    center, scale = np.array([[100.0, 110.0]]), np.array([[90.0, 135.0]])
    results = transform(dict(img=picture.copy(), bbox_center=center, bbox_scale=scale))
    assert results["img"].shape == ((6 if strip else 1) * SIZE[1], SIZE[0], 3)

    test_cfg = dict(flip_test=True, flip_mode="heatmap", shift_heatmap=False, zooms=ZOOMS, output_heatmaps=True)
    model = estimator(test_cfg, CODECS[name])
    stride = 4
    width, height = (n // stride for n in SIZE)
    # where a heatmap pixel lies in the input, by the codec; a mirrored input has to give the mirrored heatmap
    xs, ys = (
        (torch.arange(n) * ((m - 1) / (n - 1) if udp else stride) + (1.5 if name == "megvii" else 0))
        for n, m in ((width, SIZE[0]), (height, SIZE[1]))
    )

    def see(features: tuple[Tensor]) -> Tensor:
        image = features[0].mean(1, keepdim=True)
        grid = torch.stack(
            torch.meshgrid((2 * ys + 1) / SIZE[1] - 1, (2 * xs + 1) / SIZE[0] - 1, indexing="ij")[::-1], -1
        )
        seen = nn.functional.grid_sample(image, grid[None], align_corners=False)
        return seen.expand(-1, 17, -1, -1)

    monkeypatch.setattr(model, "backbone", Spy())
    monkeypatch.setattr(model.head, "forward", see)
    model.test_cfg["flip_test"] = udp  # only UDP's heatmaps are symmetric; MMPose shifts the others by hand
    data = packed(1)
    data["inputs"] = [torch.from_numpy(results["img"]).permute(2, 0, 1).contiguous()]
    data["data_samples"][0].set_metainfo(
        dict(input_center=center[0], input_scale=results["bbox_scale"][0], input_size=SIZE)
    )
    with torch.no_grad():
        (sample,) = model.test_step(data)
    pixels = scale[0] / SIZE * stride  # of the picture, for one of the heatmap
    found = sample.pred_instances.keypoints[0]
    if name == "dark":
        np.testing.assert_allclose(found, np.broadcast_to(truth, (17, 2)), atol=0.06 * pixels.max())
    else:  # these codecs move a quarter of a pixel, not more
        assert np.abs(found - truth).max() < 0.5 * pixels.max() + 1e-3
    heatmap = sample.pred_fields.heatmaps[0]
    x, y = centroid(torch.where(heatmap > 0.2 * heatmap.max(), heatmap, 0.0))
    got = np.array([float(np.interp(x, np.arange(width), xs)), float(np.interp(y, np.arange(height), ys))])
    half = (np.array(SIZE) - udp) / 2
    got = (got - half) / (np.array(SIZE) - udp) * results["bbox_scale"][0] + center[0]
    np.testing.assert_allclose(got, truth, atol=0.1 * pixels.max())


def test_strip_and_one_crop_agree_where_both_see_the_same() -> None:
    """Resampling a crop and cutting it anew are the same up to interpolation."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(0, 255, (20, 20, 3)).astype(np.float32)
    picture = nn.functional.interpolate(
        torch.from_numpy(coarse).permute(2, 0, 1)[None], scale_factor=10, mode="bicubic"
    )
    picture = picture[0].permute(1, 2, 0).numpy()
    results = dict(bbox_center=np.array([[100.0, 100.0]]), bbox_scale=np.array([[64.0, 96.0]]))
    for use_udp in (False, True):
        base = TRANSFORMS.build(dict(type="TopdownAffine", input_size=SIZE, use_udp=use_udp))
        cut = TRANSFORMS.build(dict(type="PyramidTopdownAffine", input_size=SIZE, zooms=(1.2,), use_udp=use_udp))
        one = torch.from_numpy(base(dict(results, img=picture))["img"]).permute(2, 0, 1)[None]
        new = torch.from_numpy(cut(dict(results, img=picture))["img"]).permute(2, 0, 1)[None]
        center = zoom_center(estimator({}, CODECS["udp" if use_udp else "msra"]).head.decoder, SIZE, image=True)
        assert (resample(one, 1 / 1.2, center=center).maps - new).abs().mean() < 1.0
        assert (one - new).abs().mean() > 3.0


def test_multi_stage_heads_predict_with_the_last_stage() -> None:
    last = torch.rand(1, 2, 3, 4)
    assert last_heatmaps([torch.rand(1, 2, 3, 4), (torch.rand(1, 2, 3, 4), last)]) is last


def test_training_is_that_of_the_base_class() -> None:
    model = estimator(dict(zooms=ZOOMS)).train()
    data = packed()
    for sample in data["data_samples"]:
        sample.gt_fields = PixelData(heatmaps=torch.rand(17, 24, 16))
    data = model.data_preprocessor(data, training=True)
    assert torch.isfinite(model.loss(data["inputs"], data["data_samples"])["loss_kpt"])


@pytest.mark.parametrize("zooms", [(), (1.0, 0.0), (-1.0,), 1.2, "1.2", None])
def test_bad_zooms(zooms: Any) -> None:
    with pytest.raises(ValueError, match="zooms must be a sequence of positive numbers"):
        predict(estimator(dict(zooms=zooms)), packed())


def test_bad_zooms_of_the_transform() -> None:
    with pytest.raises(ValueError, match="zooms must be a sequence of positive numbers"):
        TRANSFORMS.build(dict(type="PyramidTopdownAffine", input_size=SIZE, zooms=(1.0, 0.0)))


def test_zooms_that_do_not_fit_the_strip() -> None:
    data = packed(1)
    data["inputs"] = [torch.zeros(3, 5 * SIZE[1], SIZE[0])]
    with pytest.raises(ValueError, match=r"6 below each other \(576 rows\), got 480x64"):
        predict(estimator(dict(zooms=ZOOMS)), data)


def test_heads_without_heatmaps() -> None:
    head = dict(
        type="SimCCHead",
        in_channels=32,
        out_channels=17,
        input_size=SIZE,
        in_featuremap_size=(2, 3),
        deconv_out_channels=None,
        decoder=dict(type="SimCCLabel", input_size=SIZE),
    )
    with pytest.raises(ValueError, match="expected a head with heatmaps, got SimCCHead"):
        predict(estimator(dict(zooms=ZOOMS), head=head), packed())
    with pytest.raises(ValueError, match="offsets"):
        predict(estimator(dict(zooms=ZOOMS), dict(CODECS["udp"], heatmap_type="combined")), packed())


def test_any_head() -> None:
    """A head with several stages and the deconvolution head of MMPose both work, at their own sizes."""
    assert isinstance(estimator(dict(zooms=ZOOMS)).head, HeatmapHead)
    hourglass = estimator(
        dict(zooms=(0.8, 1.0), flip_test=True),
        dict(MSRA, input_size=(64, 64), heatmap_size=(16, 16)),
        backbone=dict(type="StackedHourglass", num_stacks=2, num_keypoints=17, channels=8, depth=2),
        head=dict(
            type="CPMHead",
            in_channels=17,
            out_channels=17,
            num_stages=2,
            final_layer=None,
            decoder=dict(MSRA, input_size=(64, 64), heatmap_size=(16, 16)),
        ),
    )
    data = get_packed_inputs(1, img_shape=(64, 64), input_size=(64, 64))
    assert np.isfinite(predict(hourglass, data)).all()
