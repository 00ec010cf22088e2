"""Multi-scale deformable attention.

Names, arguments and deviations: see :mod:`mmpose_ext.compat.mmcv_ops`.

Shapes: as in ``mmcv.ops.multi_scale_deform_attn``.
"""

from __future__ import annotations

from torch import Tensor

from mmpose_ext.compat.mmcv_ops.gradients import gradients


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
    grads = gradients(lambda v, loc, w: _ms_deform_attn(v, shapes, loc, w), [value, locations, weights], grad_output)
    for total, grad in zip((grad_value, grad_locations, grad_weights), grads, strict=True):
        total += grad
