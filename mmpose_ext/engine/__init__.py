"""Hooks and what they write, the console, optimizers, their constructors and schedulers."""

from mmpose_ext.engine.hooks import (
    DelayedInsertionHook,
    EpochSeedHook,
    FastEvaluationHook,
    FeatureShiftHook,
    KeypointTokenHook,
    QualityScheduleHook,
    RunReportHook,
    SingleThreadBlasHook,
)
from mmpose_ext.engine.log_processors import ShortConsoleLogProcessor
from mmpose_ext.engine.optim_wrappers import BFloat16OptimWrapper, LayerDecayConstructor, NamedGroupsConstructor
from mmpose_ext.engine.optimizers import FusedAdam
from mmpose_ext.engine.schedulers import GroupCosineAnnealingLR, GroupLinearLR, GroupMultiStepLR, GroupStepLR

__all__ = [
    "BFloat16OptimWrapper",
    "DelayedInsertionHook",
    "EpochSeedHook",
    "FastEvaluationHook",
    "FeatureShiftHook",
    "FusedAdam",
    "GroupCosineAnnealingLR",
    "GroupLinearLR",
    "GroupMultiStepLR",
    "GroupStepLR",
    "KeypointTokenHook",
    "LayerDecayConstructor",
    "NamedGroupsConstructor",
    "QualityScheduleHook",
    "RunReportHook",
    "ShortConsoleLogProcessor",
    "SingleThreadBlasHook",
]
