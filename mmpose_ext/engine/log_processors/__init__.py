"""What a run prints."""

from mmpose_ext.engine.log_processors.short_console import ShortConsoleLogProcessor

__all__ = ["ShortConsoleLogProcessor"]
