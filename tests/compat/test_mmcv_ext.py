"""``mmcv._ext`` supplied by torchvision, each operator against a naive loop or against autograd."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmcv import ops
from mmengine.config import ConfigDict
from torch import Tensor

from mmpose_ext.compat.mmcv_ext import MissingOperatorError, install, is_supplied

if not is_supplied():
    pytest.skip("the full mmcv is installed, nothing is supplied", allow_module_level=True)


def some_boxes(count: int = 40) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    low = torch.rand(count, 2, generator=generator) * 20
    boxes = torch.cat([low, low + 1 + torch.rand(count, 2, generator=generator) * 20], dim=1)
    return boxes, torch.rand(count, generator=generator)


def naive_iou(a: list[float], b: list[float], offset: int) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]) + offset)
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]) + offset)
    areas = [(box[2] - box[0] + offset) * (box[3] - box[1] + offset) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


BARE = f"""
import sys, types
package = types.ModuleType("mmpose_ext")
package.__path__ = [{str(Path(__file__).resolve().parents[2] / "mmpose_ext")!r}]
sys.modules["mmpose_ext"] = package
"""
"""Lets a program import submodules without the package's ``__init__``, which imports the whole stack."""


def run(program: str) -> str:
    """Run a program after :data:`BARE` and return what it prints."""
    return subprocess.check_output([sys.executable, "-c", BARE + program], text=True).strip()


def test_the_module_has_a_spec() -> None:
    import mmcv._ext

    assert mmcv._ext.__spec__.name == "mmcv._ext"
    assert mmcv._ext.__spec__.origin == "mmpose_ext.compat.mmcv_ops"


def test_a_real_module_is_never_shadowed(tmp_path: Path) -> None:
    package = tmp_path / "mmcv"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "_ext.py").write_text("real = True\n")
    program = f"""
from mmpose_ext.compat import mmcv_ext
mmcv_ext.install()
sys.path.insert(0, {str(tmp_path)!r})
import mmcv._ext
print(mmcv._ext.real, mmcv_ext.is_supplied())
"""
    assert run(program) == "True False"


def test_activation_imports_nothing_heavy_and_can_be_repeated() -> None:
    program = """
from mmpose_ext import compat
compat.activate()
finders = list(sys.meta_path)
compat.activate()
print([name for name in ("torch", "numpy", "mmcv", "mmengine") if name in sys.modules], finders == sys.meta_path)
"""
    assert run(program) == "[] True"


def test_every_operator_can_be_looked_up_but_an_unknown_one_names_itself_and_the_fix() -> None:
    install()
    import mmcv._ext

    assert hasattr(mmcv._ext, "carafe_forward")
    assert not hasattr(mmcv._ext, "__file__")
    with pytest.raises(MissingOperatorError, match="'nms_rotated'.*mim install mmcv"):
        ops.nms_rotated(torch.tensor([[5.0, 5, 4, 4, 0]]), torch.ones(1), 0.5)


@pytest.mark.parametrize("offset", [0, 1])
def test_nms(offset: int) -> None:
    boxes, scores = some_boxes()
    kept: list[int] = []
    for index in scores.argsort(descending=True).tolist():
        if all(naive_iou(boxes[index].tolist(), boxes[k].tolist(), offset) <= 0.4 for k in kept):
            kept.append(index)
    dets, indices = ops.nms(boxes, scores, 0.4, offset=offset)
    assert indices.tolist() == kept
    torch.testing.assert_close(dets, torch.cat([boxes, scores[:, None]], dim=1)[kept])
    assert ops.nms(boxes.numpy(), scores.numpy(), 0.4, offset=offset)[1].tolist() == kept


def test_nms_of_nothing_and_by_class() -> None:
    boxes, scores = some_boxes()
    assert ops.nms(boxes[:0], scores[:0], 0.5)[1].shape == (0,)
    labels = torch.arange(len(boxes)) % 2
    _, kept = ops.batched_nms(boxes, scores, labels, dict(type="nms", iou_threshold=0.4))
    each = [torch.where(labels == c)[0][ops.nms(boxes[labels == c], scores[labels == c], 0.4)[1]] for c in (0, 1)]
    assert sorted(kept.tolist()) == sorted(torch.cat(each).tolist())


@pytest.mark.parametrize("method", ["naive", "linear", "gaussian"])
@pytest.mark.parametrize("offset", [0, 1])
def test_soft_nms(method: str, offset: int) -> None:
    boxes, scores = some_boxes()
    rest, expected = dict(enumerate(scores.tolist())), []
    while rest:
        best = max(rest, key=rest.__getitem__)
        expected.append((best, rest.pop(best)))
        for other in list(rest):
            iou = naive_iou(boxes[best].tolist(), boxes[other].tolist(), offset)
            if method == "gaussian":
                rest[other] *= np.exp(-(iou**2) / 0.5)
            elif iou >= 0.3:
                rest[other] *= 1 - iou if method == "linear" else 0
            if rest[other] < 0.05:
                del rest[other]
    dets, indices = ops.soft_nms(boxes, scores, 0.3, min_score=0.05, method=method, offset=offset)
    assert indices.tolist() == [index for index, _ in expected]
    torch.testing.assert_close(dets[:, :4], boxes[indices])
    np.testing.assert_allclose(dets[:, 4], [score for _, score in expected], rtol=1e-4)


def test_nms_match() -> None:
    boxes, scores = some_boxes()
    order, expected = scores.argsort(descending=True).tolist(), []
    while order:
        first, *order = order
        hit = [k for k in order if naive_iou(boxes[first].tolist(), boxes[k].tolist(), 0) >= 0.4]
        order = [k for k in order if k not in hit]
        expected.append([first, *hit])
    groups = ops.nms_match(torch.cat([boxes, scores[:, None]], dim=1), 0.4)
    assert [group.tolist() for group in groups] == expected


@pytest.mark.parametrize("mode", ["iou", "iof"])
@pytest.mark.parametrize("offset", [0, 1])
def test_bbox_overlaps(mode: str, offset: int) -> None:
    boxes, _ = some_boxes(6)
    overlaps = ops.bbox_overlaps(boxes, boxes[:4], mode=mode, offset=offset)
    for i, a in enumerate(boxes.tolist()):
        for j, b in enumerate(boxes[:4].tolist()):
            iou = naive_iou(a, b, offset)
            areas = [(c[2] - c[0] + offset) * (c[3] - c[1] + offset) for c in (a, b)]
            expected = iou if mode == "iou" else iou / (1 + iou) * sum(areas) / areas[0]
            assert overlaps[i, j] == pytest.approx(expected, rel=1e-4)
    aligned = ops.bbox_overlaps(boxes[:4], boxes[:4].flip(0), mode=mode, aligned=True, offset=offset)
    torch.testing.assert_close(aligned, overlaps[:4, :4].flip(1).diagonal())


def test_roi_align_and_its_gradient() -> None:
    image = torch.randn(2, 3, 16, 16, dtype=torch.float64, requires_grad=True)
    rois = torch.tensor([[0, 1.0, 2.0, 9.0, 12.0], [1, 0.0, 0.0, 15.0, 7.0]], dtype=torch.float64)
    ours = ops.RoIAlign((4, 5), spatial_scale=0.5, sampling_ratio=2)(image, rois)
    theirs = ops.RoIAlign((4, 5), spatial_scale=0.5, sampling_ratio=2, use_torchvision=True)(image, rois)
    torch.testing.assert_close(ours, theirs)
    weight = torch.randn_like(ours)
    (gradient,) = torch.autograd.grad((theirs * weight).sum(), image)
    torch.testing.assert_close(torch.autograd.grad((ours * weight).sum(), image)[0], gradient)
    with pytest.raises(MissingOperatorError, match="pool_mode='max'"):
        ops.RoIAlign(4, pool_mode="max")(image, rois)


@pytest.mark.parametrize("groups, deform_groups", [(1, 1), (2, 2)])
def test_deformable_convolution_without_offset_is_a_convolution(groups: int, deform_groups: int) -> None:
    options = dict(stride=2, padding=1, dilation=1, groups=groups, deform_groups=deform_groups)
    layer = ops.DeformConv2d(4, 6, 3, **options).double()
    image = torch.randn(2, 4, 9, 8, dtype=torch.float64, requires_grad=True)
    offset = torch.zeros(2, 18 * deform_groups, 5, 4, dtype=torch.float64)
    plain = torch.nn.functional.conv2d(image, layer.weight, stride=2, padding=1, groups=groups)
    torch.testing.assert_close(layer(image, offset), plain)


def test_gradients_of_deformable_convolution() -> None:
    image = torch.randn(2, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    offset = (torch.rand(2, 18, 5, 5, dtype=torch.float64) * 0.8 + 0.1).requires_grad_()
    weight = torch.randn(3, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    mask = torch.rand(2, 9, 5, 5, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(3, dtype=torch.float64, requires_grad=True)
    once = dict(nondet_tol=1e-9, fast_mode=True)
    assert torch.autograd.gradcheck(lambda *x: ops.deform_conv2d(*x, 1, 1), (image, offset, weight), **once)
    inputs = (image, offset, mask, weight, bias)
    assert torch.autograd.gradcheck(lambda *x: ops.modulated_deform_conv2d(*x, 1, 1), inputs, **once)


def test_modulated_deformable_convolution_pack_trains() -> None:
    layer = ops.ModulatedDeformConv2dPack(4, 6, 3, padding=1)
    layer(torch.randn(2, 4, 8, 8)).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in layer.parameters())


def test_multi_scale_deformable_attention() -> None:
    from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction, multi_scale_deformable_attn_pytorch

    shapes = torch.tensor([[4, 4], [2, 2]])
    value = torch.randn(1, 20, 2, 4, dtype=torch.float64, requires_grad=True)
    locations = torch.rand(1, 3, 2, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(1, 3, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    ours = MultiScaleDeformableAttnFunction.apply(value, shapes, torch.tensor([0, 16]), locations, weights, 64)
    theirs = multi_scale_deformable_attn_pytorch(value, shapes, locations, weights)
    torch.testing.assert_close(ours, theirs)
    inputs, scale = (value, locations, weights), torch.randn_like(ours)
    for a, b in zip(torch.autograd.grad(ours, inputs, scale), torch.autograd.grad(theirs, inputs, scale), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("weighted", [False, True])
def test_sigmoid_focal_loss(weighted: bool) -> None:
    logits = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([0, 2, 1, 2, 0] if weighted else [0, 3, 1, 2, 3])  # 3 is background
    weight = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64) if weighted else None
    total = 0.0
    for n, t in enumerate(target.tolist()):
        for c in range(3):
            p = 1 / (1 + np.exp(-logits[n, c].item()))
            loss = -0.25 * (1 - p) ** 2 * np.log(p) if t == c else -0.75 * p**2 * np.log(1 - p)
            total += loss * (weight[t].item() if weighted else 1)
    result = ops.sigmoid_focal_loss(logits, target, 2.0, 0.25, weight, "sum")
    assert result.item() == pytest.approx(total, rel=1e-6)
    assert torch.autograd.gradcheck(lambda x: ops.sigmoid_focal_loss(x, target, 2.0, 0.25, weight, "sum"), (logits,))


def test_a_detector_of_mmdet_runs() -> None:
    from mmdet.registry import MODELS
    from mmdet.structures import DetDataSample
    from mmdet.utils import register_all_modules

    register_all_modules(init_default_scope=False)
    head = MODELS.build(
        ConfigDict(
            _scope_="mmdet",
            type="RTMDetSepBNHead",
            num_classes=1,
            in_channels=8,
            feat_channels=8,
            stacked_convs=1,
            anchor_generator=dict(type="MlvlPointGenerator", offset=0, strides=[8, 16, 32]),
            bbox_coder=dict(type="DistancePointBBoxCoder"),
            loss_cls=dict(type="QualityFocalLoss", use_sigmoid=True, beta=2.0),
            loss_bbox=dict(type="GIoULoss"),
            exp_on_reg=False,
            test_cfg=dict(
                nms_pre=50, max_per_img=9, min_bbox_size=0, score_thr=0.0, nms=dict(type="nms", iou_threshold=0.5)
            ),
        )
    ).eval()
    sample = DetDataSample(metainfo=dict(img_shape=(64, 64), ori_shape=(64, 64), scale_factor=(1.0, 1.0)))
    features = tuple(torch.randn(1, 8, 64 // s, 64 // s) for s in (8, 16, 32))
    with torch.no_grad():
        (result,) = head.predict(features, [sample], rescale=True)
    assert len(result.bboxes) > 0
