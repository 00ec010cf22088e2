"""Spatially Unidimensional Self-Attention (SUSA), the contribution of X-HRNet.

X-HRNet: Towards Lightweight Human Pose Estimation with Spatially Unidimensional Self-Attention,
https://doi.org/10.1109/ICME52920.2022.9859751, section 2.1, equations (2) to (4).

Deviations:
    - The averaging vector of Phi is as long as the map of the branch that it stands in, and is resampled for
      maps of another size. The official code gives all branches one fixed length (96 rows, 72 columns), uses the
      first entries, and can't run on larger maps; ``fixed=True`` is that behavior.
    - The 1x1 convolutions act on stripes, one position wide, and are a scale and a matrix product here: the
      same arithmetic without the cost of starting a convolution.

Shapes: B batch, C channels, H W height and width; L length of the attended axis, S of the other one.
Maps are (B, H, W, C) inside this file: a view, without a copy, of (B, C, H, W) in ``channels_last`` memory.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmpose_ext.layers.target_runtime import target_runtime

Axis = Literal["H", "W"]
Fusion = Literal["mul", "add"]

_DIM = {"H": 1, "W": 2}  # in (B, H, W, C)


def stripe_average(x: Tensor, weight: Tensor, axis: Axis) -> Tensor:
    """Average a map along one axis with learned weights, the Phi of Eq. (3).

    It is a plain mean of the weighted values: divided by the length and not by the sum of the weights.

    Args:
        x: Map of shape (B, H, W, C).
        weight: One weight per position, shape (L,).
        axis: The axis that is averaged away.

    Returns:
        Stripe of shape (B, S, C).
    """
    weight = weight * (1.0 / weight.numel())
    if axis == "W":
        return torch.matmul(weight, x)
    return torch.matmul(weight, x.flatten(2)).unflatten(-1, x.shape[2:])


def stripe_context(x: Tensor, grouping: Tensor, axis: Axis) -> Tensor:
    """Group the features along one axis, the SCM(x) = x_v x x_q of Eq. (2).

    Args:
        x: Map of shape (B, H, W, C), the x_v of the paper.
        grouping: x_q of shape (B, S, C), sums to one over S.
        axis: The axis that remains.

    Returns:
        Stripe context features f of shape (B, L, C).
    """
    along = _DIM[axis]
    return (x * grouping.unsqueeze(along)).sum(3 - along)


def resample_weight(weight: Tensor, length: int) -> Tensor:
    """Resample an averaging vector linearly; nothing happens where the length fits.

    Args:
        weight: Shape (L,).
        length: The new length.

    Returns:
        Shape (length,).
    """
    if weight.numel() == length:
        return weight
    return F.interpolate(weight[None, None], size=length, mode="linear", align_corners=False)[0, 0]


class ChannelwiseAffine(nn.Module):
    """One scale and one shift per channel: a depthwise 1x1 convolution on a channels-last tensor.

    Args:
        channels: Size of the last dimension.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialize as the official code does: N(0, 0.001^2) and zero."""
        nn.init.normal_(self.weight, std=0.001)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Scale and shift ``x`` of shape (..., C)."""
        return torch.addcmul(self.bias, x, self.weight)


class SpatiallyUnidimensionalSelfAttention(nn.Module):
    """Attention over one spatial axis: H-wise for ``axis='H'``, W-wise for ``axis='W'``.

    Source: Eq. (2) to (4), Fig. 2b and 2c.

    Args:
        channels: C.
        axis: The axis over which the attention vector runs.
        length: Positions of that axis in the maps of the training resolution. Maps of another size work too: the
            averaging vector is then resampled.
        fusion: How attention and input are joined, multiplication (the paper's choice) or addition (Table 5).
        fixed: Behave as the official code: use the first entries of the averaging vector, whatever the size.

    Raises:
        ValueError: If ``axis`` or ``fusion`` is unknown, or if ``fixed`` and the map is larger than ``length``.
    """

    def __init__(self, channels: int, axis: Axis, *, length: int, fusion: Fusion = "mul", fixed: bool = False) -> None:
        super().__init__()
        if axis not in _DIM:
            raise ValueError(f"axis must be 'H' or 'W', got {axis!r}")
        if fusion not in ("mul", "add"):
            raise ValueError(f"fusion must be 'mul' or 'add', got {fusion!r}")
        if length < 1:
            raise ValueError(f"length must be at least 1, got {length}")
        self.axis: Axis = axis
        self.fusion = fusion
        self.fixed = fixed
        self.averaging = nn.Parameter(torch.ones(length))  # Phi
        self.grouping = ChannelwiseAffine(channels)  # W_q
        self.value = nn.Linear(channels, channels)  # W_v
        self.norm = nn.LayerNorm(channels)
        nn.init.normal_(self.value.weight, std=0.001)
        nn.init.zeros_(self.value.bias)

    def extra_repr(self) -> str:
        """Name the axis, the length and the fusion."""
        return f"axis={self.axis!r}, length={self.averaging.numel()}, fusion={self.fusion!r}, fixed={self.fixed}"

    def averaging_weight(self, length: int) -> Tensor:
        """Return the averaging vector for an axis of ``length`` positions."""
        if not self.fixed:
            return resample_weight(self.averaging, length)
        if length > self.averaging.numel():
            raise ValueError(
                f"the {self.axis} axis of the map has {length} positions, the fixed averaging vector of the official "
                f"code only {self.averaging.numel()}; use fixed_averaging=None for any size"
            )
        return self.averaging[:length]

    def attention(self, x: Tensor) -> Tensor:
        """Compute the attention vector a.

        Args:
            x: Map of shape (B, H, W, C).

        Returns:
            Values in (0, 1), shape (B, L, C).
        """
        average = stripe_average(x, self.averaging_weight(x.shape[_DIM[self.axis]]), self.axis)
        grouping = self.grouping(average).softmax(1)  # Eq. (3)
        context = stripe_context(x, grouping, self.axis)
        return self.norm(self.value(context)).sigmoid()  # Eq. (4)

    def forward(self, x: Tensor) -> Tensor:
        """Weight the map ``x`` of shape (B, C, H, W) by its attention vector; same shape."""
        if torch.onnx.is_in_onnx_export():
            return self.forward_channels_first(x)
        x = x.permute(0, 2, 3, 1)
        attention = self.attention(x).unsqueeze(3 - _DIM[self.axis])
        out = x * attention if self.fusion == "mul" else x + attention  # Eq. (2)
        return out.permute(0, 3, 1, 2)

    def forward_channels_first(self, x: Tensor) -> Tensor:
        """Do the same in (B, C, H, W), for ONNX: runtimes keep maps that way, and each permutation would be a copy.

        W_q(Phi(x)) is one product with a stripe of weights for each channel. The bias of W_q is the same at all
        positions of a channel, and the softmax over them ignores it.
        """
        _, channels, height, width = x.shape
        length = height if self.axis == "H" else width
        stripe = torch.outer(self.grouping.weight, self.averaging_weight(length) / length)
        if target_runtime() == "openvino":  # depthwise convolutions whose kernels span an axis
            kernels = stripe.reshape(channels, 1, *((height, 1) if self.axis == "H" else (1, width)))
            ones = torch.ones(channels, 1, *((1, width) if self.axis == "H" else (height, 1)), dtype=x.dtype)
            grouping = F.conv2d(x, kernels, groups=channels).softmax(4 - _DIM[self.axis])  # Eq. (3)
            context = F.conv2d(x * grouping, ones, groups=channels)
        elif self.axis == "H":
            grouping = torch.matmul(stripe[:, None, :], x).softmax(3)  # Eq. (3), (B, C, 1, W)
            context = torch.matmul(x, grouping.reshape(-1, channels, width, 1))  # (B, C, H, 1)
        else:
            scores = torch.matmul(x, stripe[:, :, None])  # (B, C, H, 1)
            grouping = scores.reshape(-1, channels, 1, height).softmax(3)  # Eq. (3)
            context = torch.matmul(grouping, x)  # (B, C, 1, W)
        attention = self.norm(self.value(context.permute(0, 2, 3, 1))).sigmoid().permute(0, 3, 1, 2)  # Eq. (4)
        return x * attention if self.fusion == "mul" else x + attention  # Eq. (2)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: object) -> None:
        """Resample an averaging vector that was trained at another resolution; refuse it where the length is fixed."""
        key = prefix + "averaging"
        weight = state_dict.get(key)
        own = self.averaging.numel()
        if weight is not None and self.fixed and weight.numel() != own:
            raise ValueError(
                f"expected a fixed averaging vector of {own} positions, got {weight.numel()} in {key}: the checkpoint "
                "was trained without fixed_averaging, or with another one"
            )
        if weight is not None and not self.fixed and weight.ndim == 1:
            state_dict[key] = resample_weight(weight.float(), own).to(weight.dtype)
        super()._load_from_state_dict(state_dict, prefix, *args)
