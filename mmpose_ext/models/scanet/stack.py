"""One stack of BDMP-SCANet: a hourglass, what refines it, and the layers that predict.

Bi-directional Message Passing Based SCANet for Human Pose Estimation, section 2, Figure 2, Table 2, and
Stacked Hourglass Networks for Human Pose Estimation, https://arxiv.org/abs/1603.06937, section 3.2.

Deviations:
    - What stands between the attention and the heatmaps is not in the paper; here it is Newell's residual and linear
      layer. Without SACWA, which restores the width of the hourglass, the residual does.
    - See also :mod:`.message_passing`, :mod:`.channel_attention` and :mod:`.spatial_attention`.

Shapes: B batch, K keypoints, C channels (256), H W height and width of the input image.
"""

from __future__ import annotations

from typing import NamedTuple

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


class Stem(nn.Sequential):
    """From the image to a quarter of its size, section 3.2 of Newell et al.

    Args:
        in_channels: Channels of the image.
        channels: C.
        norm_cfg: Config of the normalization.
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
        norm_cfg: Config of the normalization.
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
