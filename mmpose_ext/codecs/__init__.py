"""What stands before and behind a network: MMPose's codecs for a whole batch at once, and targets of other kinds."""

from mmpose_ext.codecs.batched import BatchedMSRAHeatmap, BatchedUDPHeatmap
from mmpose_ext.codecs.blurred import BlurredMSRAHeatmap
from mmpose_ext.codecs.multi_sigma_heatmap import MultiSigmaHeatmap
from mmpose_ext.codecs.preprocessor import BatchedPoseDataPreprocessor

__all__ = [
    "BatchedMSRAHeatmap",
    "BatchedPoseDataPreprocessor",
    "BatchedUDPHeatmap",
    "BlurredMSRAHeatmap",
    "MultiSigmaHeatmap",
]
