"""Codecs: MMPose's, with decoders for a whole batch, one that blurs first, and one with targets of several widths."""

from mmpose_ext.codecs.batched import BatchedMSRAHeatmap, BatchedUDPHeatmap
from mmpose_ext.codecs.blurred import BlurredMSRAHeatmap
from mmpose_ext.codecs.multi_sigma_heatmap import MultiSigmaHeatmap

__all__ = ["BatchedMSRAHeatmap", "BatchedUDPHeatmap", "BlurredMSRAHeatmap", "MultiSigmaHeatmap"]
