"""Metrics."""

from mmpose_ext.evaluation.each_predictor import EachPredictor
from mmpose_ext.evaluation.fast_coco import FastCocoMetric
from mmpose_ext.evaluation.mpii_pckh import MpiiPCKh
from mmpose_ext.evaluation.torso_pck import TorsoPCK

__all__ = ["EachPredictor", "FastCocoMetric", "MpiiPCKh", "TorsoPCK"]
