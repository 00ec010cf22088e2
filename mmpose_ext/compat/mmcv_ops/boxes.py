"""Overlap and suppression of boxes.

Names, arguments and deviations: see :mod:`mmpose_ext.compat.mmcv_ops`.

N boxes.
"""

from __future__ import annotations

import torch
from torch import Tensor


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
    from torchvision.ops import nms as operator  # here, as its import takes seconds

    return operator(boxes, scores.to(dtype), float(iou_threshold))


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
