"""Hooks."""

from mmpose_ext.engine.hooks.run_report_hook import RunReportHook

__all__ = ["RunReportHook"]
