"""What shards a training over GPUs isn't imported by commands that train nothing.

Breakage: MMEngine derives classes from FSDP and ZeRO when it is imported, and these import sympy: a third of the time
in which a command starts.

Fix: in the process of a command, modules with nothing but such classes are stand-ins. A training is another process.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

__all__ = ["CLASSES", "install"]

CLASSES = {
    "mmengine._strategy.fsdp": "FSDPStrategy",
    "mmengine.model.wrappers.fully_sharded_distributed": "MMFullyShardedDataParallel",
    "mmengine.optim.optimizer.zero_optimizer": "ZeroRedundancyOptimizer",
}
"""Module -> what other modules of MMEngine take out of it."""


def _refuse(self: Any, *args: Any, **kwargs: Any) -> None:
    raise RuntimeError(f"{type(self).__name__} is for a training, and a command of mmpose-ext trains nothing")


def install() -> None:
    """Supply the stand-ins, unless MMEngine is imported already."""
    if "mmengine" in sys.modules:
        return
    for name, title in CLASSES.items():
        module = ModuleType(name, "Stands for a module that a command doesn't need.")
        setattr(module, title, type(title, (), {"__init__": _refuse}))
        sys.modules[name] = module
