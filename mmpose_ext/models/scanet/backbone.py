"""Newell's stacked hourglass, and BDMP-SCANet, whose stacks refine what the hourglass decodes.

Stacked Hourglass Networks for Human Pose Estimation, https://arxiv.org/abs/1603.06937, and
Bi-directional Message Passing Based SCANet for Human Pose Estimation, section 2, Figure 2, Table 2.

Deviations:
    - Convolutions keep PyTorch's own initialisation, as both networks come from Torch7, whose default it was.
    - See also :mod:`.message_passing`, :mod:`.channel_attention` and :mod:`.spatial_attention`.

Shapes: B batch, K key points, C channels (256), H W height and width of the input image.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import torch
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.scanet.channel_attention import SemanticsAwareChannelAttention
from mmpose_ext.models.scanet.hourglass import Hourglass, PreActivationResidual, make_norm
from mmpose_ext.models.scanet.message_passing import MultiScaleFeatureIntegration
from mmpose_ext.models.scanet.spatial_attention import Noise, SharperSpatialAttention


class Variant(NamedTuple):
    """Which modules stand behind each hourglass."""

    message_passing: bool = False
    """BDMP."""
    channel_attention: bool = False
    """SACWA."""
    spatial_attention: str | None = None
    """SSA: ``'sharp'``, or ``'soft'``, with which Figure 4 compares it."""


VARIANTS = {
    "msfi": Variant(),
    "bdmp": Variant(message_passing=True),
    "sacwa": Variant(channel_attention=True),
    "ssa": Variant(spatial_attention="sharp"),
    "soft": Variant(spatial_attention="soft"),
    "sca": Variant(channel_attention=True, spatial_attention="sharp"),
    "all": Variant(message_passing=True, channel_attention=True, spatial_attention="sharp"),
}
"""The rows of Table 2 below "Baseline", each with MSFI, and the soft attention of Figure 4. ``"all"`` is
MSFI+BDMP+SCA; the row ALL is that network with hard point mining."""


class Stem(nn.Sequential):
    """From the image to a quarter of its size, section 3.2 of Newell et al.

    Args:
        in_channels: Channels of the image.
        channels: C.
        norm_cfg: Config of the normalisation.
    """

    def __init__(self, in_channels: int, channels: int, *, norm_cfg: dict) -> None:
        super().__init__(
            nn.Conv2d(in_channels, 64, 7, stride=2, padding=3),
            make_norm(norm_cfg, 64),
            nn.ReLU(inplace=True),
            PreActivationResidual(64, 128, norm_cfg=norm_cfg),
            nn.MaxPool2d(2),
            PreActivationResidual(128, 128, norm_cfg=norm_cfg),
            PreActivationResidual(128, channels, norm_cfg=norm_cfg),
        )


class Highest(nn.Module):
    """What plain stacks do with the levels of a hourglass: go on with the highest resolution."""

    def forward(self, maps: tuple[Tensor, ...]) -> Tensor:
        """Return the first map."""
        return maps[0]


class Refinement(nn.Module):
    """MSFI with or without BDMP, then SACWA, then SSA: what BDMP-SCANet puts behind each hourglass.

    Args:
        variant: Which of them.
        num_levels: Levels of the hourglass, 4 in the paper.
        channels: C.
        reduced_channels: Channels of each level in MSFI and BDMP.
        tau: Temperature of SSA.
        noise: When SSA draws noise.
    """

    def __init__(
        self, variant: Variant, *, num_levels: int, channels: int, reduced_channels: int, tau: float, noise: Noise
    ) -> None:
        super().__init__()
        self.integration = MultiScaleFeatureIntegration(
            (channels,) * num_levels, reduced_channels, message_passing=variant.message_passing
        )
        width = self.integration.out_channels
        self.channel_attention = SemanticsAwareChannelAttention(width) if variant.channel_attention else nn.Identity()
        width = getattr(self.channel_attention, "out_channels", width)
        sharp = variant.spatial_attention == "sharp"
        spatial = SharperSpatialAttention(width, tau=tau, sharp=sharp, noise=noise)
        self.spatial_attention = spatial if variant.spatial_attention else nn.Identity()
        self.out_channels = width

    def forward(self, maps: tuple[Tensor, ...]) -> Tensor:
        """Map F_11 to F_14, level k of shape (B, C, H / 2^(k+2), W / 2^(k+2)), to one map (B, C', H / 4, W / 4)."""
        (x,) = self.integration(maps)
        return self.spatial_attention(self.channel_attention(x))


class Stack(nn.Module):
    """A hourglass, what refines it, and the layers that predict: one of several in a row.

    Args:
        refinement: Maps the levels of the hourglass to one map.
        refined_channels: Channels of that map.
        channels: C.
        depth: Halvings in the hourglass.
        num_keypoints: K; None for no heatmaps.
        last: Whether no stack follows, so that nothing has to be handed on.
        norm_cfg: Config of the normalisation.
    """

    def __init__(
        self,
        refinement: nn.Module,
        refined_channels: int,
        *,
        channels: int,
        depth: int,
        num_keypoints: int | None,
        last: bool,
        norm_cfg: dict,
    ) -> None:
        super().__init__()
        self.hourglass = Hourglass(depth, channels, norm_cfg=norm_cfg)
        self.refinement = refinement
        self.residual = PreActivationResidual(refined_channels, channels, norm_cfg=norm_cfg)
        self.linear = nn.Sequential(
            nn.Conv2d(channels, channels, 1), make_norm(norm_cfg, channels), nn.ReLU(inplace=True)
        )
        self.predict = None if num_keypoints is None else nn.Conv2d(channels, num_keypoints, 1)
        self.remap_features = None if last else nn.Conv2d(channels, channels, 1)
        self.remap_heatmaps = None if last or num_keypoints is None else nn.Conv2d(num_keypoints, channels, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Predict.

        Args:
            x: Map of shape (B, C, H / 4, W / 4).

        Returns:
            Heatmaps (B, K, H / 4, W / 4), or features (B, C, H / 4, W / 4) where there is no K, and the input of the
            next stack.
        """
        features = self.linear(self.residual(self.refinement(self.hourglass(x))))
        out = features if self.predict is None else self.predict(features)
        if self.remap_features is not None:
            x = x + self.remap_features(features)
        if self.remap_heatmaps is not None:
            x = x + self.remap_heatmaps(out)
        return out, x


@MODELS.register_module()
class StackedHourglass(BaseModule):
    """Newell's stacked hourglass network, the baseline of BDMP-SCANet.

    Args:
        num_stacks: Number of hourglasses, 8 in the original, 2 and 4 in BDMP-SCANet.
        num_keypoints: K. The stacks then predict heatmaps and hand them on, as in the original, and the head is
            ``CPMHead`` with ``final_layer=None``. None for features in place of heatmaps, for any other head.
        in_channels: Channels of the input.
        channels: C.
        depth: How often a hourglass halves the resolution. Height and width of an image must be multiples of
            4 x 2^depth.
        norm_cfg: Config of the normalisation, batch norm by default.
        init_cfg: Config of the initialisation; by default PyTorch's own.

    Raises:
        ValueError: If an argument is out of range, the normalisation is unknown, or an image doesn't fit.

    Example:
        >>> import torch
        >>> from mmpose_ext.models.scanet import StackedHourglass
        >>> [tuple(x.shape) for x in StackedHourglass(2, 16)(torch.rand(1, 3, 128, 64))]
        [(1, 16, 32, 16), (1, 16, 32, 16)]
    """

    def __init__(
        self,
        num_stacks: int = 2,
        num_keypoints: int | None = None,
        *,
        in_channels: int = 3,
        channels: int = 256,
        depth: int = 4,
        norm_cfg: dict | None = None,
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
        norm_cfg: Config of the normalisation.
        init_cfg: Config of the initialisation.

    Raises:
        ValueError: As :class:`StackedHourglass`, and if the variant is unknown or tau is not positive.
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
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
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
            init_cfg=init_cfg,
        )

    def _refinement(self, channels: int, depth: int) -> tuple[nn.Module, int]:
        refinement = self._refine(num_levels=depth, channels=channels)
        return refinement, refinement.out_channels


def resolve_variant(variant: str | dict) -> Variant:
    """Turn the name or the dict of a variant into its parts.

    Raises:
        ValueError: If the name, a field, or the kind of spatial attention is unknown.
    """
    if isinstance(variant, dict):
        unknown = set(variant) - set(Variant._fields)
        if unknown or variant.get("spatial_attention") not in (None, "sharp", "soft"):
            raise ValueError(
                f"variant may have {', '.join(Variant._fields)}, the last one 'sharp', 'soft' or None, got {variant}"
            )
        return Variant(**variant)
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(VARIANTS)} or a dict, got {variant!r}")
    return VARIANTS[variant]


def check_size(height: int, width: int, depth: int) -> None:
    """Raise a ValueError unless height and width of an image are positive multiples of 4 x 2^depth."""
    stride = 4 * 2**depth
    if height < 1 or width < 1 or height % stride or width % stride:
        raise ValueError(
            f"height and width of the input must be multiples of {stride} (4 x 2^depth with depth={depth}), got "
            f"{height}x{width}; a smaller depth fits smaller images"
        )
