"""Hooks and what they write."""

from mmpose_ext.engine.hooks import EpochSeedHook, RunReportHook, SingleThreadBlasHook

__all__ = ["EpochSeedHook", "RunReportHook", "SingleThreadBlasHook"]
