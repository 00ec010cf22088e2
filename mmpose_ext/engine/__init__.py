"""Hooks and what they write, and optimizer constructors."""

from mmpose_ext.engine.hooks import EpochSeedHook, QualityScheduleHook, RunReportHook, SingleThreadBlasHook
from mmpose_ext.engine.optim_wrappers import LayerDecayConstructor

__all__ = ["EpochSeedHook", "LayerDecayConstructor", "QualityScheduleHook", "RunReportHook", "SingleThreadBlasHook"]
