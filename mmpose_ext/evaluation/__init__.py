"""Metrics."""

from mmpose_ext.evaluation.mpii_pckh import MpiiPCKh

__all__ = ["MpiiPCKh"]
