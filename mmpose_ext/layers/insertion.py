"""Modules that a training inserts late, and what a checkpoint notes about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

__all__ = ["STATE", "insertable", "noted", "set_inserted"]

STATE = "modules_inserted"
"""Key in the meta information of a checkpoint: whether the modules were in, True or False, or the names of those."""


def insertable(model: nn.Module) -> dict[str, Any]:
    """All modules with an attribute ``inserted``, by name.

    Args:
        model: The network.
    """
    return {name: module for name, module in model.named_modules() if hasattr(module, "inserted")}


def noted(note: Any, names: set[str]) -> set[str]:
    """Those of some modules that a checkpoint says were in.

    Args:
        note: Its value of :data:`STATE`, of a file that may hold anything.
        names: The modules.
    """
    if isinstance(note, list):
        return {name for name in names if name in note}
    return names if note else set()


def set_inserted(model: nn.Module, meta: Mapping[str, Any]) -> None:
    """Take modules in or out as they were when a checkpoint was written, for inference without a runner.

    Args:
        model: Holds the weights of the checkpoint.
        meta: What the checkpoint says beside them; nothing changes where it does not tell.
    """
    if STATE in meta:
        modules = insertable(model)
        names = noted(meta[STATE], set(modules))
        for name, module in modules.items():
            module.inserted = name in names
