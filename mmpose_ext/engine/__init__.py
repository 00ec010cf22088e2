"""Hooks and what they write."""

from mmpose_ext.engine.hooks import RunReportHook, SingleThreadBlasHook

__all__ = ["RunReportHook", "SingleThreadBlasHook"]
