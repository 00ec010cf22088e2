"""One pyramid of SFM: a path down, which may take in maps of the pyramid before it, and a path up.

Efficient Human Pose Estimation by Maximizing Fusion and High-Level Spatial Attention (SFM),
https://arxiv.org/abs/2107.13693, section III-A, Fig. 2, 3.

X_lc is the map of level l (1 is the finest) in column c: columns 1 and 2 are the first pyramid down and up, 3 and 4
the second. The top of the first pyramid, X_12, is where the second starts, so there is no X_13; and the deepest map of
a pyramid closes its path down and opens its path up, so X_L2 is X_L1.

Deviations: see :mod:`.backbone`.

Shapes: B batch, C_l channels of level l, H W height and width of level 1; level l has H / 2^(l - 1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mmcv.cnn import ConvModule
from mmengine.model import BaseModule, ModuleDict
from torch import Tensor, nn

from mmpose_ext.models.sfm.fusion import build_fusion

MakeNode = Callable[[int, int], nn.Module]
"""Level, column -> what follows the fusion there: blocks, and attention where it stands. Keeps the shape."""


class DownPath(BaseModule):
    """From the finest level to the deepest, by convolutions of stride 2.

    Args:
        channels: C_1 to C_L.
        column: 1 or 3.
        make_node: See :data:`MakeNode`.
        bridges: Levels at which a map of the pyramid before is taken in.
        fusion: How, a name in :data:`.fusion.FUSIONS`.
        norm_cfg: Config of the normalization.
    """

    def __init__(
        self,
        channels: Sequence[int],
        column: int,
        *,
        make_node: MakeNode,
        bridges: Sequence[int] = (),
        fusion: str = "add",
        norm_cfg: dict,
    ) -> None:
        super().__init__()
        levels = range(2, len(channels) + 1)
        self.downsample = ModuleDict(
            {
                f"{level}": ConvModule(
                    channels[level - 2], channels[level - 1], 3, stride=2, padding=1, norm_cfg=norm_cfg
                )
                for level in levels
            }
        )
        self.bridges = ModuleDict(
            {
                f"{level}": build_fusion(
                    fusion, channels[level - 1], channels[level - 1], upsample=False, norm_cfg=norm_cfg
                )
                for level in bridges
            }
        )
        self.nodes = ModuleDict({f"{level}": make_node(level, column) for level in levels})

    def forward(self, x: Tensor, history: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """Run down.

        Args:
            x: The map of level 1, (B, C_1, H, W).
            history: Level -> map (B, C_l, H / 2^(l - 1), W / 2^(l - 1)) of the pyramid before; those of the bridges.

        Returns:
            Level -> map, with level 1 as it came.
        """
        maps = {1: x}
        for name, downsample in self.downsample.items():
            level = int(name)
            x = downsample(x)
            if name in self.bridges:
                x = self.bridges[name](x, history[level])  # Eq. (1)
            x = self.nodes[name](x)
            maps[level] = x
        return maps


class UpPath(BaseModule):
    """From the deepest level to the finest, by nearest neighbors; each level meets the map of the path down.

    Args:
        channels: C_1 to C_L.
        column: 2 or 4.
        fusion: A name in :data:`.fusion.FUSIONS`.
        top_fusion: The same for level 1; None where level 1 takes in nothing.
        make_node: See :data:`MakeNode`.
        norm_cfg: Config of the normalization.
    """

    def __init__(
        self,
        channels: Sequence[int],
        column: int,
        *,
        fusion: str,
        top_fusion: str | None,
        make_node: MakeNode,
        norm_cfg: dict,
    ) -> None:
        super().__init__()
        levels = range(len(channels) - 1, 0, -1)
        self.takes_top = top_fusion is not None
        self.fusions = ModuleDict(
            {
                f"{level}": build_fusion(
                    (top_fusion or "add") if level == 1 else fusion,
                    channels[level],
                    channels[level - 1],
                    upsample=True,
                    norm_cfg=norm_cfg,
                )
                for level in levels
            }
        )
        self.nodes = ModuleDict({f"{level}": make_node(level, column) for level in levels})

    def forward(self, down: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """Run up.

        Args:
            down: Level -> map of the path down.

        Returns:
            Level -> map, with the deepest as it came.
        """
        deepest = max(down)
        x = down[deepest]
        maps = {deepest: x}
        for name, fusion in self.fusions.items():
            level = int(name)
            history = down[level] if level > 1 or self.takes_top else None
            x = self.nodes[name](fusion(x, history))  # Eq. (1)
            maps[level] = x
        return maps
