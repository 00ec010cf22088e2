"""The schedule of a config, fitted to another length of the training and to a smaller data set."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from mmengine.config import Config

__all__ = ["fitted_schedule", "iterations"]

_EPOCHS = ("QualityScheduleHook", "PipelineSwitchHook")
"""Hooks that start with an epoch."""
_ITERATIONS = ("DelayedInsertionHook",)
"""Hooks that start with an iteration."""
_STARTS = ("begin", "switch_epoch")
"""Their arguments that say which."""
_TIMES = ("begin", "end", "T_max", "milestones")
"""Arguments of a scheduler that are points of time."""
_WARM_UP = 10
"""What is counted in iterations of the model's own data set takes at most one in so many of the training."""


def iterations(config: Config, samples: int) -> tuple[int, int]:
    """Length of a training: iterations in an epoch, and in all.

    Args:
        config: With `train_cfg` and `train_dataloader`.
        samples: In the training set.
    """
    epoch = math.ceil(samples / config.train_dataloader.batch_size)
    loop = config.train_cfg
    return epoch, loop["max_epochs"] * epoch if "max_epochs" in loop else loop["max_iters"]


def fitted_schedule(config: Config, *, samples: int, epochs: int | None) -> dict[str, Any]:
    """What changes in a config that is to train for other epochs, on a data set of another size.

    Epochs, milestones, validations and the start of hooks shrink or grow together. What is counted in iterations beside
    epochs, as a warm-up, is cut to a tenth of the training.

    Args:
        config: With `train_cfg`, `param_scheduler` and `train_dataloader`.
        samples: In the training set.
        epochs: Wanted; None for those of the config.

    Returns:
        Top-level keys to write; none where all fits.
    """
    loop = config.train_cfg
    length = "max_epochs" if "max_epochs" in loop else "max_iters"
    per_epoch, total = iterations(config, samples)
    new = loop[length] if epochs is None else epochs * (per_epoch if length == "max_iters" else 1)
    limit = max(1, (new if length == "max_iters" else new * per_epoch) // _WARM_UP)

    def scale(value: int) -> int:
        return round(value * new / loop[length])

    def cut(value: int) -> int:
        return min(scale(value) if length == "max_iters" else value, limit)

    by_epoch = length == "max_epochs"
    clocks = {by_epoch: scale, False: scale if not by_epoch else cut}  # by_epoch of a scheduler -> what to do
    changes: dict[str, Any] = {}
    if new != loop[length]:
        changes["train_cfg"] = {length: new, "val_interval": max(1, scale(loop.get("val_interval", 1)))}
    old = [dict(one) for one in config.get("param_scheduler") or []]
    schedulers = [_rescaled(one, _TIMES, clocks.get(one.get("by_epoch", True))) for one in old]
    if schedulers != old:
        changes["param_scheduler"] = schedulers
    starts = {**dict.fromkeys(_EPOCHS, scale), **dict.fromkeys(_ITERATIONS, cut)}
    hooks = {
        name: {
            key: value
            for key, value in _rescaled(hook, _STARTS, starts.get(hook.get("type"))).items()
            if value != hook[key]
        }
        for name, hook in config.get("default_hooks", {}).items()
        if hook
    }
    if "train_cfg" in changes and not by_epoch:
        hooks["checkpoint"] = {"interval": changes["train_cfg"]["val_interval"]}
    if any(hooks.values()):
        changes["default_hooks"] = {name: hook for name, hook in hooks.items() if hook}
    old = [dict(one) for one in config.get("custom_hooks") or []]
    custom = [_rescaled(hook, _STARTS, starts.get(hook["type"])) for hook in old]
    return {**changes, "custom_hooks": custom} if custom != old else changes


def _rescaled(entry: Mapping[str, Any], names: tuple[str, ...], rescale: Callable[[int], int] | None) -> dict[str, Any]:
    """An entry of a config whose points of time are moved; None leaves it."""
    if rescale is None:
        return dict(entry)
    moved = {name: entry[name] for name in names if entry.get(name)}
    return {**entry, **{k: [rescale(v) for v in x] if isinstance(x, list) else rescale(x) for k, x in moved.items()}}
