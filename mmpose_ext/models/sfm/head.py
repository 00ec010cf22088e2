"""The SFM head: heatmaps from the top of both pyramids, each one 1x1 convolution.

Efficient Human Pose Estimation by Maximizing Fusion and High-Level Spatial Attention (SFM),
https://arxiv.org/abs/2107.13693, section III, Fig. 2.

Deviations:
    - The paper names "two output layers" and no loss. By default both are trained on the same heatmaps with equal
      weight; ``supervise_middle=False`` trains, and builds, the final one only. The prediction is always the final one.

Shapes: B batch, C channels, K keypoints, H W height and width of a heatmap, half of those of the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmpose.registry import MODELS
from mmpose.utils.typing import ConfigType, OptConfigType, OptSampleList
from torch import Tensor, nn

from mmpose_ext.heads import HeatmapHeadBase, pose_accuracy, stack_supervision
from mmpose_ext.layers.pointwise import use_pointwise
from mmpose_ext.layers.sizes import check_maps
from mmpose_ext.models.sfm.backbone import SFMFeatures


@MODELS.register_module()
class SFMHead(HeatmapHeadBase):
    """A heatmap head for both outputs of SFM, or of any two maps of one size, such as those of a two-stack hourglass.

    Args:
        in_channels: C.
        out_channels: K.
        supervise_middle: Whether the top of the first pyramid has a head, and a loss.
        loss: Config of the heatmap loss.
        decoder: Config of the codec.
        init_cfg: Config of the initialization. By default that of MMPose's ``HeatmapHead``.

    Raises:
        ValueError: If it is given anything but two maps of one size with C channels.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        supervise_middle: bool = True,
        loss: ConfigType | None = None,
        decoder: OptConfigType = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(decoder, init_cfg or dict(type="Normal", layer="Conv2d", std=0.001))
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.middle = nn.Conv2d(in_channels, out_channels, 1) if supervise_middle else None
        self.final = nn.Conv2d(in_channels, out_channels, 1)
        self.loss_module = MODELS.build(loss or dict(type="KeypointMSELoss", use_target_weight=True))

    def forward(self, feats: SFMFeatures) -> tuple[Tensor, ...]:
        """Heatmaps (B, K, H, W): of the middle, where it has a head, and last of the final output."""
        middle, final = self._check(feats)
        if self.middle is None:
            return (self.final(final),)
        return self.middle(middle), self.final(final)

    def switch_to_deploy(self, test_cfg: dict | None = None) -> None:
        """Turn the convolutions into matrix products, in place; see ``SFM.switch_to_deploy``.

        Args:
            test_cfg: What MMPose hands to every such method; nothing of it is used here.
        """
        del test_cfg
        use_pointwise(self)

    def final_heatmaps(self, feats: SFMFeatures, test_cfg: ConfigType) -> Tensor:
        """Heatmaps (B, K, H, W) of the final output alone."""
        del test_cfg
        return self.final(self._check(feats).final)

    def loss(self, feats: SFMFeatures, batch_data_samples: OptSampleList, train_cfg: ConfigType) -> dict:
        """The loss of each supervised output, and the accuracy of the final one.

        Args:
            feats: What the backbone returned.
            batch_data_samples: Samples with target heatmaps and keypoint weights.
            train_cfg: ``compute_acc``.
        """
        target, weights = stack_supervision(batch_data_samples)
        *middle, final = self.forward(feats)
        losses = dict(loss_final=self.loss_module(final, target, weights))
        if middle:
            losses["loss_middle"] = self.loss_module(middle[0], target, weights)
        if train_cfg.get("compute_acc", True):
            losses["acc_pose"] = pose_accuracy(final, target, weights)
        return losses

    def _check(self, feats: Sequence[Any]) -> SFMFeatures:
        """Both maps, if that is what they are."""
        check_maps("SFMHead", feats, (self.in_channels, self.in_channels), equal=True)
        return SFMFeatures(*feats)
