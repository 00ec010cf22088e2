"""Hooks and what they write."""

from mmpose_ext.engine.hooks import RunReportHook

__all__ = ["RunReportHook"]
