"""The subcommands of ``mmpose-ext``, one module each; only the one that runs is imported."""

from __future__ import annotations

__all__: list[str] = []
