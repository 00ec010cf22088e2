"""The SFM head: heatmaps from the top of both pyramids, each one 1x1 convolution.

Efficient Human Pose Estimation by Maximizing Fusion and High-Level Spatial Attention (SFM),
https://arxiv.org/abs/2107.13693, section III, Fig. 2.

Deviations:
    - The paper names "two output layers" and no loss. By default both are trained on the same heatmaps with equal
      weight; ``supervise_middle=False`` trains, and builds, the final one only. The prediction is always the final one.

Shapes: B batch, C channels, K key points, H W height and width of a heatmap, half of those of the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.structures import PixelData
from mmpose.evaluation.functional import pose_pck_accuracy
from mmpose.models.heads import BaseHead
from mmpose.models.utils.tta import flip_heatmaps
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.utils.tensor_utils import to_numpy
from mmpose.utils.typing import ConfigType, OptConfigType, OptSampleList, Predictions
from torch import Tensor, nn

from mmpose_ext.layers.pointwise import use_pointwise
from mmpose_ext.layers.sizes import check_maps
from mmpose_ext.models.sfm.backbone import SFMFeatures


@MODELS.register_module()
class SFMHead(BaseHead):
    """A heatmap head for both outputs of SFM, or of any two maps of one size, such as those of a two-stack hourglass.

    Args:
        in_channels: C.
        out_channels: K.
        supervise_middle: Whether the top of the first pyramid has a head, and a loss.
        loss: Config of the heatmap loss.
        decoder: Config of the codec.
        init_cfg: Config of the initialisation. By default that of MMPose's ``HeatmapHead``.

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
        super().__init__(init_cfg or dict(type="Normal", layer="Conv2d", std=0.001))
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.middle = nn.Conv2d(in_channels, out_channels, 1) if supervise_middle else None
        self.final = nn.Conv2d(in_channels, out_channels, 1)
        self.loss_module = MODELS.build(loss or dict(type="KeypointMSELoss", use_target_weight=True))
        self.decoder = KEYPOINT_CODECS.build(decoder) if decoder is not None else None

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

    def predict(
        self, feats: SFMFeatures | list[SFMFeatures], batch_data_samples: OptSampleList, test_cfg: ConfigType
    ) -> Predictions:
        """Predict key points; see ``HeatmapHead.predict``, which has the same ``test_cfg``.

        Args:
            feats: What the backbone returned; for a flip test, that of the image and that of its mirror image.
            batch_data_samples: Their samples.
            test_cfg: ``flip_test``, ``flip_mode``, ``shift_heatmap``, ``output_heatmaps``.
        """
        if test_cfg.get("flip_test", False):
            image, mirrored = (self.final(self._check(part).final) for part in feats)
            flipped = flip_heatmaps(
                mirrored,
                flip_mode=test_cfg.get("flip_mode", "heatmap"),
                flip_indices=batch_data_samples[0].metainfo["flip_indices"],
                shift_heatmap=test_cfg.get("shift_heatmap", False),
            )
            heatmaps = (image + flipped) * 0.5
        else:
            heatmaps = self.final(self._check(feats).final)
        instances = self.decode(heatmaps)
        if test_cfg.get("output_heatmaps", False):
            return instances, [PixelData(heatmaps=sample) for sample in heatmaps.detach()]
        return instances

    def loss(self, feats: SFMFeatures, batch_data_samples: OptSampleList, train_cfg: ConfigType) -> dict:
        """The loss of each supervised output, and the accuracy of the final one.

        Args:
            feats: What the backbone returned.
            batch_data_samples: Samples with target heatmaps and key point weights.
            train_cfg: ``compute_acc``.
        """
        target = torch.stack([sample.gt_fields.heatmaps for sample in batch_data_samples])
        weights = torch.cat([sample.gt_instance_labels.keypoint_weights for sample in batch_data_samples])
        *middle, final = self.forward(feats)
        losses = dict(loss_final=self.loss_module(final, target, weights))
        if middle:
            losses["loss_middle"] = self.loss_module(middle[0], target, weights)
        if train_cfg.get("compute_acc", True):
            output = final.detach().float()
            _, accuracy, _ = pose_pck_accuracy(to_numpy(output), to_numpy(target), to_numpy(weights) > 0)
            losses["acc_pose"] = target.new_tensor(accuracy)
        return losses

    def _check(self, feats: Sequence[Any]) -> SFMFeatures:
        """Both maps, if that is what they are."""
        check_maps("SFMHead", feats, (self.in_channels, self.in_channels), equal=True)
        return SFMFeatures(*feats)
