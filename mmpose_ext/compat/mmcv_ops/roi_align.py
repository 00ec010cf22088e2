"""Region align.

Names, arguments and deviations: see :mod:`mmpose_ext.compat.mmcv_ops`.

N regions, C channels, H W height and width.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from mmpose_ext.compat.mmcv_ops.gradients import gradients


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
        from mmpose_ext.compat.missing_operator import MissingOperatorError

        raise MissingOperatorError("roi_align (pool_mode='max')")
    size = (aligned_height, aligned_width)
    from torchvision.ops import roi_align as operator  # here, as its import takes seconds

    return operator(image, rois, size, spatial_scale, sampling_ratio, aligned)


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
    (grad,) = gradients(lambda image: _roi_align(image, rois, **options), [grad_input], grad_output)
    grad_input += grad
