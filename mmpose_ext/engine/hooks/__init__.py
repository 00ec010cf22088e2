"""Hooks."""

from mmpose_ext.engine.hooks.delayed_insertion_hook import DelayedInsertionHook
from mmpose_ext.engine.hooks.epoch_seed_hook import EpochSeedHook
from mmpose_ext.engine.hooks.fast_evaluation_hook import FastEvaluationHook
from mmpose_ext.engine.hooks.feature_shift_hook import FeatureShiftHook
from mmpose_ext.engine.hooks.keypoint_token_hook import KeypointTokenHook
from mmpose_ext.engine.hooks.quality_schedule_hook import QualityScheduleHook
from mmpose_ext.engine.hooks.run_report_hook import RunReportHook
from mmpose_ext.engine.hooks.single_thread_blas_hook import SingleThreadBlasHook

__all__ = [
    "DelayedInsertionHook",
    "EpochSeedHook",
    "FastEvaluationHook",
    "FeatureShiftHook",
    "KeypointTokenHook",
    "QualityScheduleHook",
    "RunReportHook",
    "SingleThreadBlasHook",
]
