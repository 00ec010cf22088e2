"""Metrics."""

from mmpose_ext.evaluation.fast_coco import FastCocoMetric
from mmpose_ext.evaluation.mpii_pckh import MpiiPCKh

__all__ = ["FastCocoMetric", "MpiiPCKh"]
