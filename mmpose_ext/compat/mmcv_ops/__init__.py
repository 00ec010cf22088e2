"""mmcv's compiled operators from torch and torchvision.

Every function has the name, the arguments and the effects of its counterpart in ``mmcv/ops/csrc``: most write
their result into a tensor that the caller passes. Thread: open-mmlab/mmcv#3181.

Deviations: ``roi_pool_*`` and the maximum mode of ``roi_align_*`` are left out, since torchvision's region pooling
rounds the regions and mmcv's doesn't.
"""

from __future__ import annotations

from mmpose_ext.compat.mmcv_ops.boxes import bbox_overlaps, nms, nms_match, softnms
from mmpose_ext.compat.mmcv_ops.deform_attention import ms_deform_attn_backward, ms_deform_attn_forward
from mmpose_ext.compat.mmcv_ops.deform_conv import (
    deform_conv_backward_input,
    deform_conv_backward_parameters,
    deform_conv_forward,
    modulated_deform_conv_backward,
    modulated_deform_conv_forward,
)
from mmpose_ext.compat.mmcv_ops.focal_loss import sigmoid_focal_loss_backward, sigmoid_focal_loss_forward
from mmpose_ext.compat.mmcv_ops.roi_align import roi_align_backward, roi_align_forward

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
