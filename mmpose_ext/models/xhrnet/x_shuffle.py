"""The X-shuffle block and its ablations.

X-HRNet: Towards Lightweight Human Pose Estimation with Spatially Unidimensional Self-Attention,
https://doi.org/10.1109/ICME52920.2022.9859751, section 2.2, Fig. 2d, Tables 4 and 6.

Deviations:
    - The text puts the H-wise SUSA before the depthwise convolution and the W-wise one behind it; the official code,
      and the paper's own argument about the larger receptive field of the second one, have W first. We follow the
      code; ``reversed`` is the other order (Table 6).

Shapes: B batch, C channels, H W height and width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from mmpose_ext.layers.checkpointing import checkpointed
from mmpose_ext.layers.target_runtime import target_runtime
from mmpose_ext.models.xhrnet.susa import Axis, Fusion, SpatiallyUnidimensionalSelfAttention

BLOCKS: dict[str, tuple[str, ...]] = {
    "x-shuffle": ("W", "depthwise", "H"),  # Fig. 2d
    "reversed": ("H", "depthwise", "W"),  # Table 6
    "w-wise": ("depthwise", "W"),  # Table 4, "+ W-wise SUSA"
    "h-wise": ("depthwise", "H"),  # Table 4, "+ H-wise SUSA"
    "baseline": ("depthwise",),  # Table 4, "Baseline"
    "parallel": ("HW", "depthwise", "HW"),  # the "PX" variant of the official code, in no table
}
"""Name of a block -> what the processed half of the channels passes through."""


_FEW_CHANNELS = 80


def interleave(first: Tensor, second: Tensor) -> Tensor:
    """Concatenate along the channels and shuffle with two groups: first 0, second 0, first 1, second 1, ...

    Args:
        first: Shape (B, C, H, W).
        second: Shape (B, C, H, W).

    Returns:
        Shape (B, 2C, H, W), in ``channels_last`` memory.
    """
    if torch.onnx.is_in_onnx_export():
        _, channels, height, width = first.shape
        if target_runtime() == "openvino":
            return _interleave_for_openvino(torch.cat((first, second), dim=1))
        return torch.cat((first, second), dim=2).reshape(-1, 2 * channels, height, width)
    pair = torch.stack((first.permute(0, 2, 3, 1), second.permute(0, 2, 3, 1)), dim=-1)
    return pair.flatten(-2).permute(0, 3, 1, 2)


def _interleave_for_openvino(halves: Tensor) -> Tensor:
    """Shuffle the channels of (B, 2C, H, W); where they are few, OpenVINO is fastest with a 1x1 convolution."""
    _, channels, height, width = halves.shape
    if channels > _FEW_CHANNELS:
        return halves.reshape(-1, 2, channels // 2, height, width).transpose(1, 2).reshape(-1, channels, height, width)
    order = torch.arange(channels).reshape(2, -1).t().flatten()
    return F.conv2d(halves, torch.eye(channels, dtype=halves.dtype)[order, :, None, None])


class ParallelSUSA(nn.Module):
    """H-wise SUSA on the first half of the channels, W-wise on the second, then a channel shuffle.

    Source: the "PX" networks of the official code.

    Args:
        channels: C, even.
        map_size: (H, W) of the maps at the training resolution.
        fusion: See :class:`SpatiallyUnidimensionalSelfAttention`.
        fixed: See :class:`SpatiallyUnidimensionalSelfAttention`.
    """

    def __init__(
        self, channels: int, map_size: tuple[int, int], *, fusion: Fusion = "mul", fixed: bool = False
    ) -> None:
        super().__init__()
        height, width = map_size
        half = channels // 2
        self.h_wise = SpatiallyUnidimensionalSelfAttention(half, "H", length=height, fusion=fusion, fixed=fixed)
        self.w_wise = SpatiallyUnidimensionalSelfAttention(half, "W", length=width, fusion=fusion, fixed=fixed)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` of shape (B, C, H, W) to the same shape."""
        first, second = x.chunk(2, dim=1)
        return interleave(self.h_wise(first), self.w_wise(second))


class XShuffleBlock(nn.Module):
    """A shuffle block of ShuffleNetV2 with SUSA in place of the pointwise convolutions.

    Half of the channels pass untouched, the other half is processed, and the two are interleaved.

    Args:
        channels: C, divisible by 2 (by 4 for the ``parallel`` block).
        map_size: (H, W) of the maps at the training resolution.
        block: A key of :data:`BLOCKS`.
        fusion: See :class:`SpatiallyUnidimensionalSelfAttention`.
        fixed: See :class:`SpatiallyUnidimensionalSelfAttention`.
        with_cp: Whether training saves memory by computing the block again in the backward pass.
        norm_cfg: Config of the normalization behind the depthwise convolution.

    Raises:
        ValueError: If ``block`` is unknown or ``channels`` can't be halved.
    """

    def __init__(
        self,
        channels: int,
        map_size: tuple[int, int],
        *,
        block: str = "x-shuffle",
        fusion: Fusion = "mul",
        fixed: bool = False,
        with_cp: bool = False,
        norm_cfg: dict | None = None,
    ) -> None:
        super().__init__()
        self.with_cp = with_cp
        if block not in BLOCKS:
            raise ValueError(f"block must be one of {sorted(BLOCKS)}, got {block!r}")
        parts = 4 if block == "parallel" else 2
        if channels % parts:
            raise ValueError(f"channels of a {block} block must be divisible by {parts}, got {channels}")
        half = channels // 2
        layers: list[nn.Module] = []
        for name in BLOCKS[block]:
            if name == "depthwise":
                layers.append(
                    ConvModule(
                        half, half, 3, padding=1, groups=half, norm_cfg=norm_cfg or dict(type="BN"), act_cfg=None
                    )
                )
            elif name == "HW":
                layers.append(ParallelSUSA(half, map_size, fusion=fusion, fixed=fixed))
            else:
                axis: Axis = "H" if name == "H" else "W"
                length = map_size[0] if name == "H" else map_size[1]
                layers.append(
                    SpatiallyUnidimensionalSelfAttention(half, axis, length=length, fusion=fusion, fixed=fixed)
                )
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` of shape (B, C, H, W) to the same shape."""
        untouched, processed = x.chunk(2, dim=1)
        processed = checkpointed(self, self.layers, processed) if self.with_cp else self.layers(processed)
        return interleave(untouched, processed)
