"""What top-down heatmap heads share: supervision, accuracy, flip test, decoding."""

from mmpose_ext.heads.base import HeatmapHeadBase
from mmpose_ext.heads.heatmaps import (
    Supervision,
    flip_average,
    heatmap_fields,
    last_heatmaps,
    pose_accuracy,
    stack_supervision,
)

__all__ = [
    "HeatmapHeadBase",
    "Supervision",
    "flip_average",
    "heatmap_fields",
    "last_heatmaps",
    "pose_accuracy",
    "stack_supervision",
]
