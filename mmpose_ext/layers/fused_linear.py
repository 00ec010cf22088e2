"""A linear layer and the GELU behind it as one call of oneDNN, for inference on a CPU.

The arithmetic is that of ``nn.Linear`` and ``F.gelu``. For ``F.linear`` PyTorch calls MKL,
which re-orders the weights on every call; with one or two hundred tokens that is a tenth of the time. oneDNN doesn't,
and applies the GELU while its results are still in the cache.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["FusedLinear", "has_fused_linear", "use_fused_linear"]


def has_fused_linear() -> bool:
    """Whether this PyTorch has the operation; it is not part of its public interface."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


class FusedLinear(nn.Linear):
    """An ``nn.Linear``, with the same parameters, that may end with a GELU.

    Where the fused call does not serve (another device or type, a gradient, an exporter or a compiler that looks on),
    the same is done in two calls.

    Args:
        linear: The layer that it is made from, whose parameters it takes over.
        activation: What follows.
    """

    def __init__(self, linear: nn.Linear, *, activation: Literal["none", "gelu"] = "none") -> None:
        super().__init__(linear.in_features, linear.out_features, linear.bias is not None, device="meta")
        self.weight, self.bias = linear.weight, linear.bias
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., C_in) to (..., C_out)."""
        if self._can_fuse(x):
            return torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, self.activation, [], "none")
        x = super().forward(x)
        return F.gelu(x) if self.activation == "gelu" else x

    def _can_fuse(self, x: Tensor) -> bool:
        plain = x.device.type == "cpu" and x.dtype == self.weight.dtype == torch.float32
        watched = torch.jit.is_tracing() or torch.onnx.is_in_onnx_export() or torch.compiler.is_compiling()
        wants_gradient = torch.is_grad_enabled() and (x.requires_grad or self.weight.requires_grad)
        return plain and not watched and not wants_gradient and has_fused_linear()


def use_fused_linear(model: nn.Module) -> None:
    """Replace every ``nn.Linear`` inside ``model`` by a :class:`FusedLinear`, in place.

    An exact GELU right behind it in an ``nn.Sequential`` becomes a part of it and leaves an ``nn.Identity``.
    """
    for parent in list(model.modules()):
        names = [*parent._modules, ""]
        for name, following in zip(names, names[1:], strict=False):
            child, after = parent._modules[name], parent._modules.get(following)
            if type(child) is not nn.Linear:
                continue
            joins = isinstance(parent, nn.Sequential) and isinstance(after, nn.GELU) and after.approximate == "none"
            parent._modules[name] = FusedLinear(child, activation="gelu" if joins else "none").train(child.training)
            if joins:
                parent._modules[following] = nn.Identity().train(child.training)
