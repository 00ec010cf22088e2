"""Deformable convolution, plain and modulated.

Names, arguments and deviations: see :mod:`mmpose_ext.compat.mmcv_ops`.

N images, C channels, H W height and width.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from mmpose_ext.compat.mmcv_ops.gradients import gradients


def _deform_conv(
    image: Tensor, offset: Tensor, weight: Tensor, options: dict[str, Any], mask: Tensor | None = None
) -> Tensor:
    """Deformable convolution with the options of mmcv's plain one (groups follow from the shapes)."""
    from torchvision.ops import deform_conv2d as operator  # here, as its import takes seconds

    return operator(
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
    grads = gradients(lambda x, o: _deform_conv(x, o, weight, options), [image, offset], grad_output)
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
    (grad,) = gradients(lambda w: _deform_conv(image, offset, w, options), [grad_weight], grad_output)
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
    grads = gradients(lambda x, w, o, m: _deform_conv(x, o, w, plain, m), [image, weight, offset, mask], grad_output)
    for total, grad in zip((grad_image, grad_weight, grad_offset, grad_mask), grads, strict=True):
        total += grad
    if with_bias:
        grad_bias += grad_output.sum(dim=(0, 2, 3))
