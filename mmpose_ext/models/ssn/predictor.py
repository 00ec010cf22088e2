"""The predictor: from a map with 256 channels to one heatmap for each keypoint.

Spatial Shortcut Network for Human Pose Estimation (SSN), section 3.3, Figure 2 right; supplement 3, Table 1.

Deviations:
    - The paper does not describe the predictor of the large network. The one here is that of the authors' development
      code: it works at the resolution of its map, then enlarges, then smooths each heatmap.

Shapes: B batch, C channels, M keypoints, H W height and width of a map.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch.nn.functional as F
from mmcv.cnn import ConvModule
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mmpose_ext.layers.deploy import Deployable

Tail = Literal["depthwise", "norm"]


class HeatmapConv(nn.Conv2d):
    """3x3 convolution on each heatmap: a class of its own, by which an ``init_cfg`` names it.

    Args:
        channels: M.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, padding=1, groups=channels)


class Predictor(Deployable):
    """1x1 convolution, normalization, ReLU; 3x3 convolution; enlargement; and a tail.

    Args:
        in_channels: C.
        out_channels: M.
        tail: ``'depthwise'`` for a 3x3 convolution on each heatmap, ``'norm'`` for a batch norm (light networks).
        norm_cfg: Config of the normalization in front.

    Raises:
        ValueError: If the tail is unknown.
    """

    def __init__(self, in_channels: int, out_channels: int, *, tail: Tail = "depthwise", norm_cfg: dict) -> None:
        super().__init__()
        if tail not in ("depthwise", "norm"):
            raise ValueError(f"expected 'depthwise' or 'norm' as tail, got {tail!r}")
        self.hidden = ConvModule(in_channels, in_channels, 1, bias=False, norm_cfg=norm_cfg)
        self.heatmaps = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        self.tail = HeatmapConv(out_channels) if tail == "depthwise" else nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor, size: Sequence[int]) -> Tensor:
        """Predict heatmaps (B, M, *size) from a map (B, C, H, W)."""
        x = self.heatmaps(self.hidden(x))
        if tuple(x.shape[2:]) != tuple(size):
            x = F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=True)
        return self.tail(x)

    def switch_to_deploy(self, test_cfg: dict | None = None) -> None:
        """Fold a batch norm at the end into the heatmaps, in place and for inference only.

        An enlargement stands between them, but the weights of linear interpolation sum to one.

        Args:
            test_cfg: What MMPose hands to every such method; nothing of it is used here.
        """
        del test_cfg
        if isinstance(self.tail, nn.BatchNorm2d):
            self.heatmaps = fuse_conv_bn_eval(self.heatmaps, self.tail)
            self.tail = nn.Identity().eval()
            self.mark_deployed()
