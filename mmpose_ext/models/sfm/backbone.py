"""The SFM backbone, and the attention blocks of :mod:`.hsa` as plugin layers.

Efficient Human Pose Estimation by Maximizing Fusion and High-Level Spatial Attention (SFM), https://arxiv.org/abs/2107.13693,
section III, Fig. 2, Table II.

Deviations:
    - A re-implementation: the paper gives no widths, depths or blocks, and two counts can't tell them. ``ARCHS['sfm']``
      is a plain design that lands on both counts (1.50M and 1.70 GFLOPs for every row of Table II).
    - "Two deepest positions of the downsampling" are read as the end of each path down, "two output layers" as the top
      of each pyramid, where the heads are.
    - In the second pyramid a 1x1 convolution with normalization stands before a sum whose channels differ.

Shapes: B batch, H W height and width of the input image, L levels; see :mod:`.pyramid` for X_lc.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule, Sequential  # torch's own containers stop the initialization
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.layers.arch import find_arch
from mmpose_ext.layers.deploy import Deployable
from mmpose_ext.layers.freezing import Freezable
from mmpose_ext.layers.loading import RequiresOwnKeys
from mmpose_ext.layers.sizes import check_size
from mmpose_ext.models.sfm.fusion import ConcatFusion, build_block
from mmpose_ext.models.sfm.hsa import HighLevelSpatialAttention, SpatialAttention
from mmpose_ext.models.sfm.pyramid import DownPath, UpPath

MODELS.register_module(module=SpatialAttention)
MODELS.register_module(module=HighLevelSpatialAttention)

Node = tuple[int, int]
"""Level and column of X_lc."""


class Arch(NamedTuple):
    """The numbers that the paper leaves open."""

    channels: tuple[int, ...]
    """Of each level, from the finest to the deepest."""
    num_blocks: int = 1
    """Blocks at each node."""
    block: str = "bottleneck"
    """A name in :data:`.fusion.BLOCKS`."""


ARCHS = {"sfm": Arch(channels=(48, 96, 192, 192))}
"""Our reading of the paper's network, 1.50M and 1.70 GFLOPs at 256x256."""

ATTENTION_AT = ("deepest", "outputs", "deepest+outputs", "all")
"""Names for sets of nodes: the end of each path down, the top of each pyramid, both (the paper's), every node."""


class SFMFeatures(NamedTuple):
    """What the backbone hands to the head."""

    middle: Tensor
    """X_12, the top of the first pyramid, (B, C_1, H / 2, W / 2)."""
    final: Tensor
    """X_14, the top of the second, of the same shape."""


@MODELS.register_module()
class SFM(Freezable, Deployable, RequiresOwnKeys, BaseModule):
    """SFM: two pyramids, one behind the other, with bridges between them and HSA.

    Args:
        arch: ``'sfm'``, or a dict with the fields of :class:`Arch`.
        in_channels: Channels of the input.
        bridges: Levels l at which X_l2 is fused into X_l3, from 2 to L; ``'all'``, or ``()`` for the cascaded
            pyramid of Table II. They cost no parameter while they are sums.
        fusions: F of Eq. (1) in the first pyramid, in the second, and for the bridges: ``'concat'`` or ``'add'``.
        middle_to_final: Whether X_12 is fused into X_14.
        attention: Name or config of a plugin layer, or None for none ("SFM without HSA" of Table II).
        attention_at: A name in :data:`ATTENTION_AT`, or a list of (level, column).
        norm_cfg: Config of the normalization.
        frozen_stages: How much is not trained: -1 for nothing, 0 for the stem, k for the first k of four columns too.
        init_cfg: Config of the initialization. The paper names none; by default ResNet's.

    Raises:
        ValueError: If an argument is unknown or doesn't fit the others, or if an input is no multiple of 2^L.

    Example:
        >>> import torch
        >>> from mmpose_ext.models.sfm import SFM
        >>> tuple(SFM()(torch.rand(1, 3, 256, 256)).final.shape)
        (1, 48, 128, 128)
    """

    def __init__(
        self,
        arch: str | dict = "sfm",
        in_channels: int = 3,
        *,
        bridges: str | Sequence[int] = "all",
        fusions: Sequence[str] = ("concat", "add", "add"),
        middle_to_final: bool = True,
        attention: str | dict | None = "HighLevelSpatialAttention",
        attention_at: str | Sequence[Sequence[int]] = "deepest+outputs",
        norm_cfg: dict | None = None,
        frozen_stages: int = -1,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(
            init_cfg
            or [
                dict(type="Kaiming", layer="Conv2d"),
                dict(type="Constant", layer=["_BatchNorm", "GroupNorm"], val=1),
            ]
        )
        spec = resolve_arch(arch)
        norm_cfg = norm_cfg or dict(type="BN")
        levels = len(spec.channels)
        if isinstance(fusions, str) or len(fusions) != 3:
            raise ValueError(f"fusions must be three names: first pyramid, second pyramid, bridges; got {fusions!r}")
        first, second, bridge = fusions
        self.stride = 2**levels
        plugin = dict(type=attention) if isinstance(attention, str) else attention
        places = resolve_nodes(attention_at, levels) if plugin is not None else set()

        def make_node(level: int, column: int) -> nn.Module:
            channels = spec.channels[level - 1]
            layers = [build_block(spec.block, channels, norm_cfg) for _ in range(spec.num_blocks)]
            if plugin is not None and (level, column) in places:
                layers.append(MODELS.build(dict(plugin, in_channels=channels)))
            return Sequential(*layers)

        self.stem = Sequential(
            ConvModule(in_channels, spec.channels[0], 3, stride=2, padding=1, norm_cfg=norm_cfg), make_node(1, 1)
        )
        common: dict[str, Any] = dict(make_node=make_node, norm_cfg=norm_cfg)
        self.down1 = DownPath(spec.channels, 1, **common)
        self.up1 = UpPath(spec.channels, 2, fusion=first, top_fusion=first, **common)
        self.down2 = DownPath(spec.channels, 3, bridges=resolve_bridges(bridges, levels), fusion=bridge, **common)
        self.up2 = UpPath(spec.channels, 4, fusion=second, top_fusion=second if middle_to_final else None, **common)
        self.freeze(frozen_stages)
        self.to(memory_format=torch.channels_last)

    def stages_to_freeze(self) -> list[list[nn.Module]]:
        """The stem and the columns."""
        return [[self.stem], [self.down1], [self.up1], [self.down2], [self.up2]]

    def forward(self, images: Tensor) -> SFMFeatures:
        """Extract features.

        Args:
            images: (B, 3, H, W), H and W multiples of 2^L.
        """
        check_size("the input", images.shape[2], images.shape[3], self.stride)
        x11 = self.stem(images.contiguous(memory_format=torch.channels_last))
        column1 = self.down1(x11, {})
        column2 = self.up1(column1)
        column3 = self.down2(column2[1], column2)  # from X_12, with bridges from X_l2
        column4 = self.up2(column3)  # its level 1 is X_12: from the middle to the final layer
        return SFMFeatures(middle=column2[1], final=column4[1])

    def switch_to_deploy(self, test_cfg: dict | None = None) -> None:
        """Split and fold what the output allows and turn 1x1 convolutions into matrix products, in place.

        For inference only. Called by :func:`mmpose_ext.layers.deploy.switch_to_deploy` and by MMPose's
        ``PoseEstimator.switch_to_deploy``. The output stays the same, and a second call does nothing.

        Args:
            test_cfg: What MMPose hands to every such method; nothing of it is used here.
        """
        del test_cfg
        for part in self.modules():
            if isinstance(part, ConcatFusion):
                part.switch_to_deploy()
        super().switch_to_deploy()


def all_nodes(levels: int) -> set[Node]:
    """The nodes that exist: there is no X_13, and X_L2 is X_L1, X_L4 is X_L3."""
    down = {(level, column) for column in (1, 3) for level in range(1, levels + 1)} - {(1, 3)}
    return down | {(level, column) for column in (2, 4) for level in range(1, levels)}


def resolve_nodes(places: str | Sequence[Sequence[int]], levels: int) -> set[Node]:
    """The nodes at which attention stands.

    Raises:
        ValueError: If a name is unknown or a node doesn't exist.
    """
    deepest, outputs = {(levels, 1), (levels, 3)}, {(1, 2), (1, 4)}
    named = dict(zip(ATTENTION_AT, (deepest, outputs, deepest | outputs, all_nodes(levels)), strict=True))
    if isinstance(places, str):
        if places not in named:
            raise ValueError(f"attention_at must be one of {ATTENTION_AT} or (level, column) pairs, got {places!r}")
        return named[places]
    chosen = {(place[0], place[1]) for place in places if len(place) == 2}
    if len(chosen) != len(places) or chosen - all_nodes(levels):
        raise ValueError(
            f"attention_at must hold different (level, column) pairs among {sorted(all_nodes(levels))}, got {places!r}"
        )
    return chosen


def resolve_bridges(bridges: str | Sequence[int], levels: int) -> tuple[int, ...]:
    """The levels that have a bridge.

    Raises:
        ValueError: If there is another word than ``'all'``, or a level that can't have one.
    """
    possible = tuple(range(2, levels + 1))
    if bridges == "all":
        return possible
    if isinstance(bridges, str) or set(bridges) - set(possible) or len(set(bridges)) != len(bridges):
        raise ValueError(f"bridges must be 'all' or different levels among {possible}, got {bridges!r}")
    return tuple(bridges)


def resolve_arch(arch: str | dict) -> Arch:
    """Turn the name or the dict of an architecture into its numbers.

    Raises:
        ValueError: If the name or a field is unknown, or a number is out of range.
    """
    spec = find_arch(arch, ARCHS)
    if len(spec.channels) < 2 or min(spec.channels) < 1 or spec.num_blocks < 1:
        raise ValueError(
            f"arch needs two levels or more and positive numbers, got channels {spec.channels}, "
            f"num_blocks {spec.num_blocks}"
        )
    return spec
