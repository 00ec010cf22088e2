"""Codecs: MMPose's, with decoders for a whole batch."""

from mmpose_ext.codecs.batched import BatchedMSRAHeatmap, BatchedUDPHeatmap

__all__ = ["BatchedMSRAHeatmap", "BatchedUDPHeatmap"]
