"""mmcv's compiled operators from torch and torchvision.

Every function has the name, the arguments and the effects of its counterpart in ``mmcv/ops/csrc``: most write
their result into a tensor that the caller passes. Thread: open-mmlab/mmcv#3181.

Deviations: ``roi_pool_*`` and the maximum mode of ``roi_align_*`` are left out, since torchvision's region pooling
rounds the regions and mmcv's doesn't.

N boxes or regions, C channels or classes, H W height and width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torchvision
from torch import Tensor

__all__ = [
    "bbox_overlaps",
    "deform_conv_backward_input",
    "deform_conv_backward_parameters",
    "deform_conv_forward",
    "get_compiler_version",
    "get_compiling_cuda_version",
    "modulated_deform_conv_backward",
    "modulated_deform_conv_forward",
    "ms_deform_attn_backward",
    "ms_deform_attn_forward",
    "nms",
    "nms_match",
    "roi_align_backward",
    "roi_align_forward",
    "sigmoid_focal_loss_backward",
    "sigmoid_focal_loss_forward",
    "softnms",
]


def get_compiler_version() -> str:
    """What mmcv's collect_env prints as the compiler of mmcv."""
    return "none (operators supplied by mmpose-ext)"


def get_compiling_cuda_version() -> str:
    """What mmcv's collect_env prints as the CUDA version of mmcv."""
    return "none (operators supplied by mmpose-ext)"


# --- boxes ---------------------------------------------------------------------------------------------------------


def _area(boxes: Tensor, offset: int) -> Tensor:
    """Areas of boxes (..., 4) where width and height count ``offset`` more."""
    return (boxes[..., 2] - boxes[..., 0] + offset) * (boxes[..., 3] - boxes[..., 1] + offset)


def _intersection(boxes1: Tensor, boxes2: Tensor, offset: int) -> Tensor:
    """Areas of intersection of boxes (..., 4), broadcast."""
    low = torch.maximum(boxes1[..., :2], boxes2[..., :2])
    high = torch.minimum(boxes1[..., 2:], boxes2[..., 2:])
    return (high - low + offset).clamp(min=0).prod(dim=-1)


def _iou(boxes1: Tensor, boxes2: Tensor, offset: int = 0) -> Tensor:
    """Intersection over union of boxes (..., 4), broadcast."""
    inter = _intersection(boxes1, boxes2, offset)
    return inter / (_area(boxes1, offset) + _area(boxes2, offset) - inter)


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Indices of the kept boxes (N, 4), by descending score (N,)."""
    dtype = torch.float64 if boxes.dtype == torch.float64 else torch.float32  # half has no CPU kernel
    boxes = boxes.to(dtype)
    if offset:  # an offset in width and height is a shift of the lower right corner
        boxes = boxes + boxes.new_tensor([0, 0, offset, offset])
    return torchvision.ops.nms(boxes, scores.to(dtype), float(iou_threshold))


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Indices (M,) of the boxes (N, 4) kept; box and decayed score go into the first M rows of ``dets`` (N, 5)."""
    scores = scores.clone()
    rest = torch.arange(len(boxes), device=boxes.device)
    kept: list[Tensor] = []
    while len(rest):
        best = scores[rest].argmax()
        index = rest[best]
        dets[len(kept), :4] = boxes[index]
        dets[len(kept), 4] = scores[index]
        kept.append(index)
        rest = torch.cat([rest[:best], rest[best + 1 :]])
        iou = _iou(boxes[index], boxes[rest], offset)
        if method == 2:  # gaussian
            decay = torch.exp(-(iou**2) / sigma)
        else:  # 1 is linear, 0 is the plain one
            decay = torch.where(iou >= iou_threshold, 1 - iou if method == 1 else torch.zeros_like(iou), 1.0)
        scores[rest] *= decay.to(scores.dtype)
        rest = rest[scores[rest] >= min_score]
    return torch.stack(kept) if kept else torch.zeros(0, dtype=torch.long, device=boxes.device)


def nms_match(dets: Tensor, iou_threshold: float) -> list[list[int]]:
    """Groups of indices: each kept box of ``dets`` (N, 5) and those that it suppressed, by descending score."""
    boxes, scores = dets[:, :4], dets[:, 4]
    order = scores.sort(descending=True, stable=True).indices
    groups: list[list[int]] = []
    while len(order):
        index, order = order[0], order[1:]
        suppressed = _iou(boxes[index], boxes[order]) >= iou_threshold
        groups.append([int(index), *order[suppressed].tolist()])
        order = order[~suppressed]
    return groups


def bbox_overlaps(boxes1: Tensor, boxes2: Tensor, ious: Tensor, mode: int, aligned: bool, offset: int) -> None:
    """IoU (mode 0) or intersection over the first box (mode 1), into ``ious`` (N,) if aligned, else (N, M)."""
    if not aligned:
        boxes1 = boxes1[:, None]  # N 1 4
    inter = _intersection(boxes1, boxes2, offset)
    base = _area(boxes1, offset) + (_area(boxes2, offset) - inter if mode == 0 else torch.zeros_like(inter))
    ious.copy_(inter / base.clamp(min=offset))


# --- gradients -----------------------------------------------------------------------------------------------------


def _gradients(function: Any, inputs: Sequence[Tensor], grad_output: Tensor) -> tuple[Tensor, ...]:
    """Gradients of ``function(*inputs)`` by autograd; mmcv calls the backward operators with gradients disabled."""
    with torch.enable_grad():
        leaves = [tensor.detach().requires_grad_() for tensor in inputs]
        output = function(*leaves)
    return torch.autograd.grad(output, leaves, grad_output)


# --- regions -------------------------------------------------------------------------------------------------------


def _roi_align(
    image: Tensor,
    rois: Tensor,
    *,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> Tensor:
    """The average of each bin: N C H W from an image batch and regions (N, 5) with the image's index first."""
    if pool_mode != 1:
        from mmpose_ext.compat.mmcv_ext import MissingOperatorError

        raise MissingOperatorError("roi_align (pool_mode='max')")
    size = (aligned_height, aligned_width)
    return torchvision.ops.roi_align(image, rois, size, spatial_scale, sampling_ratio, aligned)


def roi_align_forward(
    image: Tensor, rois: Tensor, output: Tensor, argmax_y: Tensor, argmax_x: Tensor, **options: Any
) -> None:
    """Region align into ``output``."""
    output.copy_(_roi_align(image, rois.to(image.dtype), **options))


def roi_align_backward(
    grad_output: Tensor, rois: Tensor, argmax_y: Tensor, argmax_x: Tensor, grad_input: Tensor, **options: Any
) -> None:
    """Gradient of the image, added to ``grad_input``; it doesn't depend on the image, since the average is linear."""
    rois = rois.to(grad_output.dtype)
    (grad,) = _gradients(lambda image: _roi_align(image, rois, **options), [grad_input], grad_output)
    grad_input += grad


# --- deformable convolution ----------------------------------------------------------------------------------------


def _deform_conv(
    image: Tensor, offset: Tensor, weight: Tensor, options: dict[str, Any], mask: Tensor | None = None
) -> Tensor:
    """Deformable convolution with the options of mmcv's plain one (groups follow from the shapes)."""
    return torchvision.ops.deform_conv2d(
        image,
        offset,
        weight,
        stride=(options["dH"], options["dW"]),
        padding=(options["padH"], options["padW"]),
        dilation=(options["dilationH"], options["dilationW"]),
        mask=mask,
    )


def deform_conv_forward(
    image: Tensor, weight: Tensor, offset: Tensor, output: Tensor, columns: Tensor, ones: Tensor, **options: Any
) -> None:
    """Deformable convolution into ``output``."""
    output.copy_(_deform_conv(image, offset, weight, options))


def deform_conv_backward_input(
    image: Tensor,
    offset: Tensor,
    grad_output: Tensor,
    grad_image: Tensor,
    grad_offset: Tensor,
    weight: Tensor,
    columns: Tensor,
    **options: Any,
) -> None:
    """Gradients of image and offset, added to ``grad_image`` and ``grad_offset``."""
    grads = _gradients(lambda x, o: _deform_conv(x, o, weight, options), [image, offset], grad_output)
    grad_image += grads[0]
    grad_offset += grads[1]


def deform_conv_backward_parameters(
    image: Tensor,
    offset: Tensor,
    grad_output: Tensor,
    grad_weight: Tensor,
    columns: Tensor,
    ones: Tensor,
    *,
    scale: float = 1.0,
    **options: Any,
) -> None:
    """Gradient of the weight times ``scale``, added to ``grad_weight``.

    It doesn't depend on the weight, so any tensor of the right shape stands in for it.
    """
    (grad,) = _gradients(lambda w: _deform_conv(image, offset, w, options), [grad_weight], grad_output)
    grad_weight += scale * grad


def _modulated_options(options: dict[str, Any]) -> dict[str, Any]:
    """The options of the modulated convolution under the names of the plain one."""
    return {
        "dH": options["stride_h"],
        "dW": options["stride_w"],
        "padH": options["pad_h"],
        "padW": options["pad_w"],
        "dilationH": options["dilation_h"],
        "dilationW": options["dilation_w"],
    }


def modulated_deform_conv_forward(
    image: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    output: Tensor,
    columns: Tensor,
    *,
    with_bias: bool,
    **options: Any,
) -> None:
    """Modulated deformable convolution into ``output``."""
    output.copy_(_deform_conv(image, offset, weight, _modulated_options(options), mask))
    if with_bias:
        output += bias[:, None, None]


def modulated_deform_conv_backward(
    image: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    columns: Tensor,
    grad_image: Tensor,
    grad_weight: Tensor,
    grad_bias: Tensor,
    grad_offset: Tensor,
    grad_mask: Tensor,
    grad_output: Tensor,
    *,
    with_bias: bool,
    **options: Any,
) -> None:
    """Gradients of all five inputs, added to the tensors passed."""
    plain = _modulated_options(options)
    grads = _gradients(lambda x, w, o, m: _deform_conv(x, o, w, plain, m), [image, weight, offset, mask], grad_output)
    for total, grad in zip((grad_image, grad_weight, grad_offset, grad_mask), grads, strict=True):
        total += grad
    if with_bias:
        grad_bias += grad_output.sum(dim=(0, 2, 3))


# --- deformable attention ------------------------------------------------------------------------------------------


def _ms_deform_attn(value: Tensor, shapes: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
    """Multi-scale deformable attention in plain torch: mmcv's own version for CPU."""
    from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

    return multi_scale_deformable_attn_pytorch(value, shapes, locations, weights)


def ms_deform_attn_forward(
    value: Tensor, shapes: Tensor, level_start: Tensor, locations: Tensor, weights: Tensor, im2col_step: int
) -> Tensor:
    """Multi-scale deformable attention."""
    return _ms_deform_attn(value, shapes, locations, weights)


def ms_deform_attn_backward(
    value: Tensor,
    shapes: Tensor,
    level_start: Tensor,
    locations: Tensor,
    weights: Tensor,
    grad_output: Tensor,
    grad_value: Tensor,
    grad_locations: Tensor,
    grad_weights: Tensor,
    im2col_step: int,
) -> None:
    """Gradients of value, locations and weights, added to the tensors passed."""
    grads = _gradients(lambda v, loc, w: _ms_deform_attn(v, shapes, loc, w), [value, locations, weights], grad_output)
    for total, grad in zip((grad_value, grad_locations, grad_weights), grads, strict=True):
        total += grad


# --- focal loss ----------------------------------------------------------------------------------------------------


def _sigmoid_focal_loss(logits: Tensor, target: Tensor, weight: Tensor, gamma: float, alpha: float) -> Tensor:
    """Focal loss (N, C) of logits (N, C) for labels (N,), where any label outside [0, C) is background."""
    classes = torch.arange(logits.shape[1], device=logits.device)
    positive = target[:, None] == classes  # N C
    log_p, log_q = torch.nn.functional.logsigmoid(logits), torch.nn.functional.logsigmoid(-logits)
    loss = torch.where(positive, -alpha * log_q.exp() ** gamma * log_p, -(1 - alpha) * log_p.exp() ** gamma * log_q)
    return loss * weight[target][:, None] if weight.numel() else loss


def sigmoid_focal_loss_forward(
    logits: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Sigmoid focal loss, not reduced, into ``output``."""
    output.copy_(_sigmoid_focal_loss(logits, target, weight, gamma, alpha))


def sigmoid_focal_loss_backward(
    logits: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """Derivative of each entry by its logit, into ``grad_input``; the caller multiplies by its own gradient."""
    (grad,) = _gradients(
        lambda x: _sigmoid_focal_loss(x, target, weight, gamma, alpha), [logits], torch.ones_like(logits)
    )
    grad_input.copy_(grad)
