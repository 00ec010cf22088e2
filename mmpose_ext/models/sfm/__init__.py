"""SFM: Efficient Human Pose Estimation by Maximizing Fusion and High-Level Spatial Attention.

Z. Ren, Y. Zhou, Y. Chen, R. Zhou, Y. Gao, https://arxiv.org/abs/2107.13693.

Two slender feature pyramids, one behind the other. Bridges between them shorten the way of every scale and cost no
parameter; HSA, the attention of an attention map, stands at the deepest map of each and at both outputs, for a few
hundred parameters. Heatmaps are half as large as the image.
"""

from mmpose_ext.models.sfm.backbone import ARCHS, ATTENTION_AT, SFM, Arch, SFMFeatures
from mmpose_ext.models.sfm.fusion import BLOCKS, FUSIONS, AddFusion, ConcatFusion
from mmpose_ext.models.sfm.head import SFMHead
from mmpose_ext.models.sfm.hsa import AttentionMap, AttentionMaps, HighLevelSpatialAttention, SpatialAttention
from mmpose_ext.models.sfm.pyramid import DownPath, UpPath

__all__ = [
    "ARCHS",
    "ATTENTION_AT",
    "BLOCKS",
    "FUSIONS",
    "SFM",
    "AddFusion",
    "Arch",
    "AttentionMap",
    "AttentionMaps",
    "ConcatFusion",
    "DownPath",
    "HighLevelSpatialAttention",
    "SFMFeatures",
    "SFMHead",
    "SpatialAttention",
    "UpPath",
]
