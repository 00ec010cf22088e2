"""Metrics."""

from mmpose_ext.evaluation.each_predictor import EachPredictor
from mmpose_ext.evaluation.fast_coco import FastCocoMetric
from mmpose_ext.evaluation.mpii_pckh import MpiiPCKh
from mmpose_ext.evaluation.torso_pck import TorsoPCK
from mmpose_ext.evaluation.uploads import CocoUpload, MpiiUpload

__all__ = ["CocoUpload", "EachPredictor", "FastCocoMetric", "MpiiPCKh", "MpiiUpload", "TorsoPCK"]
