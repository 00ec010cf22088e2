"""The shift as one operator: checks, choice of the implementation, gradients, ``torch.compile`` and export.

The two halves are operators of the library ``mmpose_ext``, so that a compiler and a tracer see one node each and not
what is inside. They are declared through the part of ``torch.library`` that torch 2.1 has already.

Source, deviations and shapes: see :mod:`.taps`; B batch.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import torch
from torch import Tensor

from mmpose_ext.layers.feature_shift.composed import shift_composed
from mmpose_ext.layers.feature_shift.cpu import shift_backward_cpu, shift_cpu
from mmpose_ext.layers.feature_shift.reference import feature_shift_reference

HAS_TRITON = importlib.util.find_spec("triton") is not None

DEVICES = {"cpu", "cuda", "meta"}
"""Devices with an implementation of the operator; on others, such as ``mps``, the composed form runs."""

_library = torch.library.Library("mmpose_ext", "DEF")
_library.define("feature_shift(Tensor x, Tensor offsets) -> Tensor")
_library.define("feature_shift_backward(Tensor grad, Tensor x, Tensor offsets) -> (Tensor, Tensor)")


def feature_shift(x: Tensor, offsets: Tensor) -> Tensor:
    """Shift each channel of a map by its own real-valued offset, Eq. (1): bilinear, zeros outside.

    Gradients flow to both arguments, and can be differentiated again; at integer offsets that of the offset is the
    derivative from the left. Half precision is computed in float32 and rounded once; the offsets may have another
    precision than the map.

    Args:
        x: (B, K, H, W), floating point, any memory format.
        offsets: (K, 2), dx (to the right) and dy (down) in pixels.

    Returns:
        (B, K, H, W), contiguous, with the dtype of ``x``.

    Raises:
        ValueError: If the shapes don't fit, the dtypes are not floating point or, on a CPU, an offset is not finite.

    Example:
        >>> import torch
        >>> feature_shift(torch.eye(3)[None, None], torch.tensor([[1.0, 0.0]]))[0, 0].tolist()
        [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    """
    if x.ndim != 4 or offsets.ndim != 2 or offsets.shape[1] != 2 or offsets.shape[0] != x.shape[1]:
        raise ValueError(
            "expected a map (B, K, H, W) and an offset (dx, dy) for each of its K channels, (K, 2), "
            f"got {tuple(x.shape)} and {tuple(offsets.shape)}"
        )
    if not (x.is_floating_point() and offsets.is_floating_point()):
        raise ValueError(f"expected floating point, got a map of {x.dtype} and offsets of {offsets.dtype}")
    if torch.onnx.is_in_onnx_export():
        return shift_composed(x, offsets)
    if x.device.type not in DEVICES:
        return shift_composed(x.to(torch.promote_types(x.dtype, torch.float32)), offsets).to(x.dtype)
    if torch.jit.is_tracing():  # an autograd function can't be saved in TorchScript
        return torch.ops.mmpose_ext.feature_shift(x, offsets)
    return _FeatureShift.apply(x, offsets)


class _FeatureShift(torch.autograd.Function):
    """Gradients: the input's is the shift by -d of the output's, the offset's is a sum of products with the input."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, offsets: Tensor) -> Tensor:
        """See :func:`feature_shift`."""
        ctx.save_for_backward(x, offsets)
        return torch.ops.mmpose_ext.feature_shift(x, offsets)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of both arguments."""
        x, offsets = ctx.saved_tensors
        if torch.is_grad_enabled():  # somebody wants to differentiate the gradient
            wanted = [tensor for tensor, needed in zip((x, offsets), ctx.needs_input_grad, strict=True) if needed]
            found = iter(torch.autograd.grad(shift_composed(x, offsets), wanted, grad, create_graph=True))
            return tuple(next(found) if needed else None for needed in ctx.needs_input_grad)
        return torch.ops.mmpose_ext.feature_shift_backward(grad, x, offsets)


@torch.no_grad()  # a tracer calls these without the autograd function around them
def _forward_cpu(x: Tensor, offsets: Tensor) -> Tensor:
    _require_finite(offsets)
    return shift_cpu(x, offsets)


@torch.no_grad()
def _backward_cpu(grad: Tensor, x: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
    _require_finite(offsets)
    return shift_backward_cpu(grad, x, offsets)


def _require_finite(offsets: Tensor) -> None:
    """Complain about offsets that are no numbers.

    Not on a GPU, where asking would wait for the device; a NaN comes out as a NaN there.
    """
    if not offsets.isfinite().all():
        wrong = (~offsets.isfinite()).any(1).nonzero().flatten().tolist()
        raise ValueError(
            f"expected finite offsets, got {offsets[wrong[0]].tolist()} in channel {wrong[0]} ({len(wrong)} in all): "
            "the training has diverged, or the checkpoint is of one that had"
        )


@torch.no_grad()
def _forward_gpu(x: Tensor, offsets: Tensor) -> Tensor:
    if HAS_TRITON:
        from mmpose_ext.layers.feature_shift.triton_kernels import shift_triton

        return shift_triton(x, offsets)
    return feature_shift_reference(x, offsets.float()).contiguous()


def _backward_gpu(grad: Tensor, x: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
    if HAS_TRITON:
        from mmpose_ext.layers.feature_shift.triton_kernels import shift_backward_triton

        return shift_backward_triton(grad, x, offsets)
    with torch.enable_grad():
        x, offsets = x.detach().requires_grad_(), offsets.detach().requires_grad_()
        out = feature_shift_reference(x, offsets.float())
    return torch.autograd.grad(out, (x, offsets), grad)


def _shape_forward(x: Tensor, offsets: Tensor) -> Tensor:
    return torch.empty_like(x, memory_format=torch.contiguous_format)


def _shape_backward(grad: Tensor, x: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
    return torch.empty_like(x, memory_format=torch.contiguous_format), torch.empty_like(offsets)


for _device, _forward, _backward in (("CPU", _forward_cpu, _backward_cpu), ("CUDA", _forward_gpu, _backward_gpu)):
    _library.impl("feature_shift", _forward, _device)
    _library.impl("feature_shift_backward", _backward, _device)
_register_shape = getattr(torch.library, "register_fake", None) or torch.library.impl_abstract  # torch 2.4 renamed it
_register_shape("mmpose_ext::feature_shift", _shape_forward, lib=_library)
_register_shape("mmpose_ext::feature_shift_backward", _shape_backward, lib=_library)
