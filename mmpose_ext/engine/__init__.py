"""Hooks and what they write, optimizers and their constructors."""

from mmpose_ext.engine.hooks import EpochSeedHook, QualityScheduleHook, RunReportHook, SingleThreadBlasHook
from mmpose_ext.engine.optim_wrappers import BFloat16OptimWrapper, LayerDecayConstructor
from mmpose_ext.engine.optimizers import FusedAdam

__all__ = [
    "EpochSeedHook",
    "FusedAdam",
    "LayerDecayConstructor",
    "QualityScheduleHook",
    "RunReportHook",
    "SingleThreadBlasHook",
]
