"""SHaRPose: Sparse High-Resolution Representation for Human Pose Estimation.

X. An, L. Zhao, C. Gong, N. Wang, D. Wang, J. Yang, AAAI 2024, https://arxiv.org/abs/2312.10758.

A transformer with one token for each keypoint that runs twice. The coarse pass over large patches gives a first pose,
tells which patches the keypoints attend to, and predicts its own quality; where that is too low, the fine pass splits
these patches, and only these, and predicts again with the same weights.
"""

from mmpose_ext.models.sharpose.arch import ARCHS, Arch
from mmpose_ext.models.sharpose.backbone import (
    FineInputs,
    OneStageFeatures,
    SHaRPose,
    SHaRPoseFeatures,
    SHaRPoseOneStage,
)
from mmpose_ext.models.sharpose.encoder import Attention, Block
from mmpose_ext.models.sharpose.evit import SHaRPoseEViT
from mmpose_ext.models.sharpose.fine_tokens import FeatureReuse, fine_index
from mmpose_ext.models.sharpose.head import SHaRPoseHead
from mmpose_ext.models.sharpose.initializer import FROM_SCRATCH, OFFICIAL, SinePositions
from mmpose_ext.models.sharpose.keypoint_decoder import KeypointDecoder
from mmpose_ext.models.sharpose.positions import sine_positions
from mmpose_ext.models.sharpose.quality import QualityPredictor, object_keypoint_similarity, quality_loss
from mmpose_ext.models.sharpose.relevance import accumulate, number_of_selected, relevance, select

__all__ = [
    "ARCHS",
    "FROM_SCRATCH",
    "OFFICIAL",
    "Arch",
    "Attention",
    "Block",
    "FeatureReuse",
    "FineInputs",
    "KeypointDecoder",
    "OneStageFeatures",
    "QualityPredictor",
    "SHaRPose",
    "SHaRPoseEViT",
    "SHaRPoseFeatures",
    "SHaRPoseHead",
    "SHaRPoseOneStage",
    "SinePositions",
    "accumulate",
    "fine_index",
    "number_of_selected",
    "object_keypoint_similarity",
    "quality_loss",
    "relevance",
    "select",
    "sine_positions",
]
