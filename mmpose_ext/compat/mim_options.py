"""``mim test --launcher slurm`` and other commands of mim whose options have no default.

Breakage: mim parses its arguments in a copy of click's method of old. Since click 8.3 an option that was not given is a
sentinel until that method ends, and mim hands it on: ``AttributeError: 'Sentinel' object has no attribute 'split'``. No
report of it was found.

Fix: what was not given is None, as click makes it and as mim expects it.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from mmpose_ext.compat._imports import when_imported

__all__ = ["install"]


def _patch(module: ModuleType) -> None:
    """Wrap the method that parses arguments."""
    command = module.CustomCommand
    original = command.parse_args
    if hasattr(original, "__wrapped__"):  # done before
        return

    @functools.wraps(original)
    def parse_args(self: Any, ctx: Any, args: list[str]) -> list[str]:
        rest = original(self, ctx, args)
        for name, value in ctx.params.items():
            if type(value).__name__ == "Sentinel":
                ctx.params[name] = None
        return rest

    command.parse_args = parse_args


def install() -> None:
    """Patch mim's commands, now or when they are imported."""
    when_imported("mim.click.customcommand", _patch)
