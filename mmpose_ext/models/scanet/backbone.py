"""Newell's stacked hourglass, and BDMP-SCANet, whose stacks refine what the hourglass decodes.

Stacked Hourglass Networks for Human Pose Estimation, https://arxiv.org/abs/1603.06937, and
Bi-directional Message Passing Based SCANet for Human Pose Estimation, section 2, Figure 2, Table 2.

Deviations:
    - Convolutions keep PyTorch's own initialization, as both networks come from Torch7, whose default it was.
    - See also :mod:`.stack`.

Shapes: B batch, K keypoints, C channels (256), H W height and width of the input image.
"""

from __future__ import annotations

from functools import partial

import torch
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.layers.deploy import Deployable
from mmpose_ext.layers.freezing import Freezable
from mmpose_ext.layers.loading import RequiresOwnKeys
from mmpose_ext.models.scanet.hourglass import PreActivationResidual
from mmpose_ext.models.scanet.spatial_attention import Noise
from mmpose_ext.models.scanet.stack import Highest, Refinement, Stack, Stem, resolve_variant


@MODELS.register_module()
class StackedHourglass(Freezable, Deployable, RequiresOwnKeys, BaseModule):
    """Newell's stacked hourglass network, the baseline of BDMP-SCANet.

    Args:
        num_stacks: Number of hourglasses, 8 in the original, 2 and 4 in BDMP-SCANet.
        num_keypoints: K. The stacks then predict heatmaps and hand them on, as in the original, and the head is
            ``CPMHead`` with ``final_layer=None``. None for features in place of heatmaps, for any other head.
        in_channels: Channels of the input.
        channels: C.
        depth: How often a hourglass halves the resolution. Height and width of an image must be multiples of
            4 x 2^depth.
        norm_cfg: Config of the normalization, batch norm by default.
        with_cp: Whether training saves memory by computing the inside of each residual again in the backward pass.
            Outputs, gradients and the statistics of batch norms are the same.
        frozen_stages: How many stacks are not trained: -1 for none, 0 for the stem, k for the first k too.
        init_cfg: Config of the initialization; by default PyTorch's own.

    Raises:
        ValueError: If an argument is out of range, the normalization is unknown, or an image doesn't fit.

    Example:
        >>> import torch
        >>> from mmpose_ext.models.scanet import StackedHourglass
        >>> [tuple(x.shape) for x in StackedHourglass(2, 16)(torch.rand(1, 3, 128, 64))]
        [(1, 16, 32, 16), (1, 16, 32, 16)]
    """

    foreign_checkpoints = "The weights of MMPose's HourglassNet, which is another network, fit nowhere here."

    def __init__(
        self,
        num_stacks: int = 2,
        num_keypoints: int | None = None,
        *,
        in_channels: int = 3,
        channels: int = 256,
        depth: int = 4,
        norm_cfg: dict | None = None,
        with_cp: bool = False,
        frozen_stages: int = -1,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        for name, value in (("num_stacks", num_stacks), ("depth", depth), ("num_keypoints", num_keypoints)):
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if channels < 2 or channels % 2:
            raise ValueError(f"channels must be an even number, as a residual has half of them inside, got {channels}")
        norm_cfg = norm_cfg or dict(type="BN")
        self.depth = depth
        self.stem = Stem(in_channels, channels, norm_cfg=norm_cfg)
        self.stacks = nn.ModuleList()
        for i in range(num_stacks):
            refinement, width = self._refinement(channels, depth)
            self.stacks.append(
                Stack(
                    refinement,
                    width,
                    channels=channels,
                    depth=depth,
                    num_keypoints=num_keypoints,
                    last=i == num_stacks - 1,
                    norm_cfg=norm_cfg,
                )
            )
        for module in self.modules():
            if isinstance(module, PreActivationResidual):
                module.with_cp = with_cp
        self.freeze(frozen_stages)

    def stages_to_freeze(self) -> list[list[nn.Module]]:
        """The stem and the stacks."""
        return [[self.stem], *([stack] for stack in self.stacks)]

    def _refinement(self, channels: int, depth: int) -> tuple[nn.Module, int]:
        """Make what stands behind one hourglass of ``depth`` levels, and say how many channels it returns."""
        return Highest(), channels

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Predict with every stack.

        Args:
            x: Images of shape (B, 3, H, W), H and W multiples of 4 x 2^depth.

        Returns:
            One map per stack: heatmaps (B, K, H / 4, W / 4), without ``num_keypoints`` features (B, C, H / 4, W / 4).
            In float32 at least, also under mixed precision, as losses and NumPy need it.
        """
        check_size(x.shape[2], x.shape[3], self.depth)
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        outputs = []
        for stack in self.stacks:
            out, x = stack(x)
            outputs.append(out.to(torch.promote_types(out.dtype, torch.float32)))
        return tuple(outputs)


@MODELS.register_module()
class BDMPSCANet(StackedHourglass):
    """BDMP-SCANet: a stacked hourglass with message passing, channel attention and sharper spatial attention.

    Args:
        num_stacks: Number of hourglasses; 2 in the ablations, 4 in the final network.
        num_keypoints: As in :class:`StackedHourglass`.
        variant: A key of :data:`VARIANTS`, or a dict with the fields of :class:`Variant`.
        reduced_channels: Channels of each level in message passing and integration.
        tau: Temperature of the sharper attention.
        noise: When the sharper attention draws noise, see :class:`.SharperSpatialAttention`.
        in_channels: Channels of the input.
        channels: C.
        depth: As in :class:`StackedHourglass`, and the number of levels that are integrated.
        norm_cfg: Config of the normalization.
        with_cp: As in :class:`StackedHourglass`.
        frozen_stages: As in :class:`StackedHourglass`.
        init_cfg: Config of the initialization.

    Raises:
        ValueError: As :class:`StackedHourglass`, and if the variant is unknown, tau is not positive, or the hourglass
            has one level only.
    """

    def __init__(
        self,
        num_stacks: int = 4,
        num_keypoints: int | None = None,
        *,
        variant: str | dict = "all",
        reduced_channels: int = 32,
        tau: float = 1.0,
        noise: Noise = "train",
        in_channels: int = 3,
        channels: int = 256,
        depth: int = 4,
        norm_cfg: dict | None = None,
        with_cp: bool = False,
        frozen_stages: int = -1,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        if depth == 1:
            raise ValueError("depth must be at least 2 here, as a stack joins two levels or more, got 1")
        self._refine = partial(
            Refinement, resolve_variant(variant), reduced_channels=reduced_channels, tau=tau, noise=noise
        )
        super().__init__(
            num_stacks,
            num_keypoints,
            in_channels=in_channels,
            channels=channels,
            depth=depth,
            norm_cfg=norm_cfg,
            with_cp=with_cp,
            frozen_stages=frozen_stages,
            init_cfg=init_cfg,
        )

    def _refinement(self, channels: int, depth: int) -> tuple[nn.Module, int]:
        refinement = self._refine(num_levels=depth, channels=channels)
        return refinement, refinement.out_channels


def check_size(height: int, width: int, depth: int) -> None:
    """Raise a ValueError unless height and width of an image are positive multiples of 4 x 2^depth."""
    stride = 4 * 2**depth
    if height < 1 or width < 1 or height % stride or width % stride:
        raise ValueError(
            f"height and width of the input must be multiples of {stride} (4 x 2^depth with depth={depth}), got "
            f"{height}x{width}; a smaller depth fits smaller images"
        )
