"""The upward half of SSN: CPN's GlobalNet, and the entrances of the early stage predictors.

Spatial Shortcut Network for Human Pose Estimation (SSN), section 3.3, Figure 2 right; Y. Chen et al., Cascaded Pyramid
Network for Multi-Person Pose Estimation, CVPR 2018 (GlobalNet).

Deviations:
    - Both papers leave details open; group norm, the bias behind the enlargement and a lateral convolution in front of
      each early predictor, also of the first, are those of the authors' development code.

Shapes: B batch, C channels, H W height and width of a map.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.layers.pointwise import use_pointwise
from mmpose_ext.layers.sizes import check_maps


@MODELS.register_module()
class GlobalNet(BaseModule):
    """Merge the maps of a backbone from the deepest to the shallowest.

    Args:
        in_channels: Channels of the maps of the backbone, from the shallowest to the deepest.
        out_channels: C.
        early_stages: Maps of the backbone that early stage predictors read, as indices; (0, 1, 2) in SSN, () for the
            ablation "w/o ESP" of Table 1.
        norm_cfg: Config of the normalization, group norm by default.
        init_cfg: Config of the initialization.

    Raises:
        ValueError: If an early stage does not exist, or if the maps are not those of ``in_channels``.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int = 256,
        *,
        early_stages: Sequence[int] = (0, 1, 2),
        norm_cfg: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type="Kaiming", layer="Conv2d"))
        norm_cfg = norm_cfg or dict(type="GN", num_groups=32)
        if any(not 0 <= stage < len(in_channels) for stage in early_stages):
            raise ValueError(f"expected early_stages among 0 to {len(in_channels) - 1}, got {tuple(early_stages)}")
        self.in_channels = tuple(in_channels)
        self.early_stages = tuple(early_stages)
        self.mixes_before_enlarging = False  # in the deployed form
        self.early = nn.ModuleList(
            ConvModule(in_channels[stage], out_channels, 1, bias=False, norm_cfg=norm_cfg) for stage in early_stages
        )
        self.laterals = nn.ModuleList(
            ConvModule(channels, out_channels, 1, bias=False, norm_cfg=norm_cfg) for channels in in_channels
        )
        self.merges = nn.ModuleList(
            ConvModule(out_channels, out_channels, 1, bias=True, norm_cfg=norm_cfg, act_cfg=None)
            for _ in in_channels[1:]
        )

    def forward(self, feats: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Merge maps.

        Args:
            feats: Maps of the backbone, from the shallowest to the deepest.

        Returns:
            Maps with C channels, one for each predictor: first those of the early stages, E1 to E3, then the merged
            ones from the deepest to the shallowest, P1 to P4.
        """
        check_maps("GlobalNet", feats, self.in_channels)
        early = [lateral(feats[stage]) for stage, lateral in zip(self.early_stages, self.early, strict=True)]
        merged = [self.laterals[-1](feats[-1])]
        for merge, lateral, x in zip(self.merges, reversed(self.laterals[:-1]), reversed(feats[:-1]), strict=True):
            small = merge.conv(merged[-1]) if self.mixes_before_enlarging else merged[-1]
            up = F.interpolate(small, size=x.shape[2:], mode="bilinear", align_corners=True)
            merged.append(lateral(x) + (merge.norm(up) if self.mixes_before_enlarging else merge(up)))
        return *early, *merged

    def switch_to_deploy(self, test_cfg: dict | None = None) -> None:
        """Take the 1x1 convolutions behind enlargements to the small maps, in place; the output stays.

        The weights of linear interpolation sum to one, so that both commute.

        Args:
            test_cfg: What MMPose hands to every such method; nothing of it is used here.
        """
        del test_cfg
        self.mixes_before_enlarging = True
        use_pointwise(self)
