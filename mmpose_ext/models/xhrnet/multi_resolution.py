"""One multi-resolution module of X-HRNet: blocks on every branch, then an exchange between the branches.

X-HRNet: Towards Lightweight Human Pose Estimation with Spatially Unidimensional Self-Attention,
https://doi.org/10.1109/ICME52920.2022.9859751, section 2.2; the exchange is Lite-HRNet's, https://arxiv.org/abs/2104.06403.

Deviations:
    - In training, the normalization statistics of the paths out of the highest resolution are updated once for each
      step. The official code evaluates these paths twice and so updates them twice; ``double_statistics`` does.

Shapes: B batch, C channels, H W height and width; b_i output of branch i, f_ij path from branch j to branch i.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule, DepthwiseSeparableConvModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmpose_ext.models.xhrnet.susa import Fusion
from mmpose_ext.models.xhrnet.x_shuffle import XShuffleBlock


def downsampling(in_channels: int, out_channels: int, steps: int, norm_cfg: dict) -> nn.Sequential:
    """Build a path to a lower resolution: depthwise separable 3x3 convolutions of stride 2.

    All but the last keep the number of channels and end with a ReLU; the last one changes it and has none.

    Args:
        in_channels: Channels of the higher resolution.
        out_channels: Channels of the lower resolution.
        steps: How often the resolution is halved.
        norm_cfg: Config of the normalization.
    """
    return nn.Sequential(
        *(
            DepthwiseSeparableConvModule(
                in_channels,
                out_channels if last else in_channels,
                3,
                stride=2,
                padding=1,
                norm_cfg=norm_cfg,
                dw_act_cfg=None,
                pw_act_cfg=None if last else dict(type="ReLU"),
            )
            for last in (step == steps - 1 for step in range(steps))
        )
    )


def update_twice(path: nn.Module) -> None:
    """Let the running statistics of batch norms move in one step as far as two updates with one batch move them.

    Two updates with momentum m are one with 1 - (1 - m)^2.

    Args:
        path: A path between two branches, changed in place.
    """
    for norm in path.modules():
        if isinstance(norm, _BatchNorm) and norm.momentum is not None:
            norm.momentum = 1 - (1 - norm.momentum) ** 2


class MultiResolutionModule(nn.Module):
    """X-shuffle blocks on two or more branches, and their fusion.

    The sums are those of the official code (and of Lite-HRNet), in which an addition in place makes the highest
    resolution count twice and reach the lower branches in its fused form, before the ReLU::

        s_0 = 2 b_0 + sum over j > 0 of f_0j(b_j)
        s_i = 2 f_i0(s_0) + b_i + sum over j > 0, j != i, of f_ij(b_j)

    Args:
        channels: Channels of each branch, from the highest resolution to the lowest, each half as high and wide as
            the one before.
        map_size: (H, W) of the highest resolution at the training resolution.
        num_blocks: Blocks on each branch.
        block: See :class:`XShuffleBlock`.
        fusion: How SUSA joins attention and input, see :class:`XShuffleBlock`.
        fixed: See :class:`XShuffleBlock`.
        double_statistics: Whether the batch norms of the paths out of the highest resolution move their running
            statistics twice for each step, as in the official code.
        with_cp: See :class:`XShuffleBlock`.
        norm_cfg: Config of the normalization.
    """

    def __init__(
        self,
        channels: Sequence[int],
        map_size: tuple[int, int],
        *,
        num_blocks: int = 2,
        block: str = "x-shuffle",
        fusion: Fusion = "mul",
        fixed: bool = False,
        double_statistics: bool = False,
        with_cp: bool = False,
        norm_cfg: dict | None = None,
    ) -> None:
        super().__init__()
        norm_cfg = norm_cfg or dict(type="BN")
        height, width = map_size
        self.branches = nn.ModuleList(
            nn.Sequential(
                *(
                    XShuffleBlock(
                        width_of_branch,
                        map_size if fixed else (height >> i, width >> i),
                        block=block,
                        fusion=fusion,
                        fixed=fixed,
                        with_cp=with_cp,
                        norm_cfg=norm_cfg,
                    )
                    for _ in range(num_blocks)
                )
            )
            for i, width_of_branch in enumerate(channels)
        )
        self.paths = nn.ModuleDict()
        for i, target in enumerate(channels):
            for j, source in enumerate(channels):
                if j > i:  # the upsampling stands in `forward`
                    self.paths[f"{j}to{i}"] = ConvModule(source, target, 1, norm_cfg=norm_cfg, act_cfg=None)
                elif j < i:
                    self.paths[f"{j}to{i}"] = downsampling(source, target, i - j, norm_cfg)
                    if double_statistics and j == 0:
                        update_twice(self.paths[f"{j}to{i}"])

    def from_lower(self, maps: Sequence[Tensor], i: int) -> Tensor | None:
        """Sum f_ij(b_j) over the branches j > i of lower resolution.

        The nearest neighbor upsampling by 2^(j - i) is done in steps of 2 on the partial sums, which is the same sum.

        Args:
            maps: b_0, b_1, ...
            i: The target branch.

        Returns:
            A map of the size of branch i; None for the lowest branch.
        """
        total: Tensor | None = None
        for j in range(len(maps) - 1, i, -1):
            path = self.paths[f"{j}to{i}"](maps[j])
            total = F.interpolate(path if total is None else path + total, scale_factor=2, mode="nearest")
        return total

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Apply the blocks and fuse.

        Args:
            maps: One map per branch, (B, C_i, H / 2^i, W / 2^i).

        Returns:
            The same shapes.
        """
        maps = [branch(x) for branch, x in zip(self.branches, maps, strict=True)]
        fused: list[Tensor] = []
        for i, x in enumerate(maps):
            lower = self.from_lower(maps, i)
            if i == 0:
                total = 2 * x if lower is None else torch.add(lower, x, alpha=2)
            else:
                highest = self.paths[f"0to{i}"](fused[0])
                others = [self.paths[f"{j}to{i}"](maps[j]) for j in range(1, i)] + ([] if lower is None else [lower])
                if others:  # x last: runtimes add up outputs of convolutions in the layout of convolutions
                    total = x + torch.add(sum(others[1:], others[0]), highest, alpha=2)
                else:
                    total = torch.add(x, highest, alpha=2)
            fused.append(total)
        return [F.relu(x) for x in fused]
