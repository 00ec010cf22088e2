"""The SHaRPose head: heatmaps from keypoint tokens, the loss of both stages and of the predicted quality.

SHaRPose: Sparse High-Resolution Representation for Human Pose Estimation, https://arxiv.org/abs/2312.10758,
sections "Keypoint Decoder" and "Loss Function", Eq. (9) to (11).

Deviations:
    - Eq. (10) is the mean over samples, keypoints and pixels in the official code and here.
    - See also :mod:`.quality` and :mod:`.keypoint_decoder`.

Shapes: B batch, M keypoints, D width, H W height and width of a heatmap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmpose.registry import MODELS
from mmpose.utils.typing import ConfigType, OptConfigType, OptSampleList
from torch import Tensor

from mmpose_ext.heads import HeatmapHeadBase, pose_accuracy, stack_supervision
from mmpose_ext.layers.fused_linear import use_fused_linear
from mmpose_ext.models.sharpose.backbone import OneStageFeatures, SHaRPoseFeatures
from mmpose_ext.models.sharpose.keypoint_decoder import KeypointDecoder
from mmpose_ext.models.sharpose.quality import object_keypoint_similarity, quality_loss


@MODELS.register_module()
class SHaRPoseHead(HeatmapHeadBase):
    """The decoder of keypoint tokens, shared by both stages.

    Args:
        in_channels: D.
        out_channels: M.
        heatmap_size: (width, height) of the heatmaps, as in a codec.
        num_layers: Layers of the decoder, 1 or 2; None for the rule of the official code.
        loss: Config of the heatmap loss.
        quality_weight: The lambda of Eq. (9). ``QualityScheduleHook`` sets it by epoch.
        sigmas: Of each keypoint, for the OKS. None where ``QualityScheduleHook`` takes them from the data set.
        swapped_oks: Train the quality on the OKS of the official code, see
            :func:`.object_keypoint_similarity`.
        decoder: Config of the codec.
        init_cfg: Config of the initialization. By default PyTorch's own, as in the official code.

    Raises:
        ValueError: If the sigmas are missing where they are needed, or not as many as the keypoints.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        heatmap_size: Sequence[int],
        num_layers: int | None = None,
        loss: ConfigType | None = None,
        quality_weight: float = 0.0,
        sigmas: Sequence[float] | None = None,
        swapped_oks: bool = False,
        decoder: OptConfigType = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(decoder, init_cfg)
        self.out_channels = out_channels
        self.loss_module = MODELS.build(loss or dict(type="KeypointMSELoss", use_target_weight=True))
        self.keypoint_decoder = KeypointDecoder(in_channels, heatmap_size[1], heatmap_size[0], num_layers=num_layers)
        self.quality_weight = quality_weight
        self.swapped_oks = swapped_oks
        self.sigmas: Tensor | None
        self.register_buffer("sigmas", None, persistent=False)
        if sigmas is not None:
            self.set_sigmas(sigmas)

    def set_sigmas(self, sigmas: Sequence[float]) -> None:
        """Take the sigmas of a data set.

        Args:
            sigmas: One for each keypoint.
        """
        values = torch.as_tensor(sigmas, dtype=torch.float32, device=next(self.parameters()).device)
        if values.shape != (self.out_channels,):
            raise ValueError(f"expected {self.out_channels} sigmas, one for each keypoint, got {len(sigmas)}")
        self.sigmas = values

    def forward(self, feats: SHaRPoseFeatures | OneStageFeatures) -> Tensor:
        """Heatmaps (B, M, H, W) of the last stage that each sample went through."""
        return self.keypoint_decoder(feats[0] if len(feats) == 1 else feats[1])

    def switch_to_deploy(self, test_cfg: dict | None = None) -> None:
        """Exchange the linear layers for faster ones, in place, as the backbone does.

        Args:
            test_cfg: What MMPose hands to every such method; nothing of it is used here.
        """
        del test_cfg
        use_fused_linear(self)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        """Convert the official keys; MMPose has made ``head.`` of their ``keypoint_head.`` before."""
        for key in [key for key in state_dict if key.startswith(f"{prefix}heatmap_mlp.")]:
            state_dict[key.replace("heatmap_mlp.", "keypoint_decoder.", 1)] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def loss(
        self, feats: SHaRPoseFeatures | OneStageFeatures, batch_data_samples: OptSampleList, train_cfg: ConfigType
    ) -> dict:
        """The three terms of Eq. (9), or the one of a backbone with one stage, and the accuracy of the last stage.

        Args:
            feats: What the backbone returned.
            batch_data_samples: Samples with target heatmaps and keypoint weights.
            train_cfg: ``compute_acc``.
        """
        target, weights = stack_supervision(batch_data_samples)
        fine = self(feats).float()
        if isinstance(feats, OneStageFeatures):
            losses = dict(loss_kpt=self.loss_module(fine, target, weights))  # Eq. (10)
        else:
            coarse = self.keypoint_decoder(feats.coarse).float()
            losses = dict(
                loss_coarse=self.loss_module(coarse, target, weights),
                loss_fine=self.loss_module(fine, target, weights),
                loss_quality=self._quality_loss(feats.quality.float(), coarse.detach(), target, weights),  # Eq. (9)
            )
        if train_cfg.get("compute_acc", True):
            losses["acc_pose"] = pose_accuracy(fine, target, weights)
        return losses

    def _quality_loss(self, quality: Tensor, coarse: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """The weighted term of Eq. (11); with weight 0 it is zero and keeps the predictor in the graph."""
        if not self.quality_weight:
            return 0 * quality.sum()
        if self.sigmas is None:
            raise ValueError(
                "expected sigmas for the OKS that the quality predictor learns: give them to SHaRPoseHead, or use "
                "QualityScheduleHook with a data set that has them"
            )
        labeled = weights > 0
        similarity = object_keypoint_similarity(coarse, target, labeled, self.sigmas, swapped=self.swapped_oks)
        return self.quality_weight * quality_loss(quality, similarity, labeled.any(1))
