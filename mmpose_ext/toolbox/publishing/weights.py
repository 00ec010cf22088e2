"""What of a training checkpoint is published: one of its two sets of weights, and where it stood in the training.

A checkpoint of MMEngine holds weights, optimizer, schedules and log. With an ``EMAHook`` it holds the weights twice,
and MMEngine exchanges the two when it saves: ``state_dict`` is the moving average then, and the weights as trained
stand under ``ema_state_dict``, each with ``module.`` before its name, beside the number of steps averaged.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmpose_ext.compat import checkpoint as checkpoints
from mmpose_ext.toolbox.inference.weights import sha256

__all__ = ["CHOICES", "Source", "choose", "read_source"]

CHOICES = ("ema", "plain")
_PREFIX = "module."


@dataclass(frozen=True)
class Source:
    """A training checkpoint without what only the training needs.

    Attributes:
        path: The file.
        sha256: Its hash.
        state_dict: The chosen weights.
        weights: Which ones, of :data:`CHOICES`.
        has_ema: Whether the file has both.
        meta: What MMEngine wrote about the run: epoch, iteration, config, data set.
    """

    path: Path
    sha256: str
    state_dict: OrderedDict[str, Tensor]
    weights: str
    has_ema: bool
    meta: Mapping[str, Any]

    @property
    def validated(self) -> bool:
        """Whether these weights are those that the training validated: the average, where there is one."""
        return self.weights == "ema" or not self.has_ema


def read_source(path: Path, *, weights: str | None = None) -> Source:
    """Read a training checkpoint; nothing in it is run.

    Args:
        path: The file.
        weights: One of :data:`CHOICES`; None takes the average where there is one.

    Raises:
        ValueError: If it can't be read, is no checkpoint, lacks what was asked for, or holds something not finite.
    """
    if not path.is_file():
        raise ValueError(f"expected a checkpoint, got {path}, which is no file")
    try:
        content = checkpoints.load(path)
    except pickle.UnpicklingError as error:  # torch's own words say how to run what is in it
        reason = "it holds something else than weights and plain data"
        raise ValueError(f"expected a checkpoint of MMEngine, got {path}: {reason}") from error
    except Exception as error:  # torch says of a file that is none whatever its parser stumbled over
        raise ValueError(f"expected a checkpoint of MMEngine, got {path}: {_reason(error)}") from error
    if not isinstance(content, dict) or not isinstance(content.get("state_dict"), dict):
        raise ValueError(f"expected a checkpoint of MMEngine with a state_dict, got {path} without one")
    meta = content.get("meta") or {}
    if not isinstance(meta, dict):
        raise ValueError(f"expected a dict as meta of {path}, got {type(meta).__name__}")
    try:
        state_dict = choose(content, weights)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    _check(state_dict, path)
    has_ema = "ema_state_dict" in content
    return Source(
        path,
        sha256(path),
        state_dict,
        weights or ("ema" if has_ema else "plain"),
        has_ema,
        meta,
    )


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def choose(content: Mapping[str, Any], weights: str | None) -> OrderedDict[str, Tensor]:
    """One of the two sets of weights of a checkpoint.

    Args:
        content: What the file holds.
        weights: As in :func:`read_source`.

    Raises:
        ValueError: If the average is asked for and there is none, or it is not laid out as MMEngine does.
    """
    if weights not in (None, *CHOICES):
        raise ValueError(f"expected weights among {', '.join(CHOICES)}, got {weights!r}")
    state_dict, other = content["state_dict"], content.get("ema_state_dict")
    if other is None and weights == "ema":
        raise ValueError("expected a checkpoint with a moving average (EMAHook) for the weights ema, got one without")
    chosen = OrderedDict(state_dict)
    if other is not None and weights == "plain":
        names = other if isinstance(other, dict) else {}
        trained = {name[len(_PREFIX) :]: value for name, value in names.items() if str(name).startswith(_PREFIX)}
        if trained.keys() != state_dict.keys():
            raise ValueError("expected the names of state_dict behind module. in ema_state_dict, got others")
        chosen.update(trained)
    vars(chosen)["_metadata"] = getattr(state_dict, "_metadata", OrderedDict())  # versions of the modules
    return chosen


def _check(state_dict: Mapping[str, Any], path: Path) -> None:
    others = [name for name, value in state_dict.items() if not isinstance(value, Tensor)]
    if others or not state_dict:
        raise ValueError(f"expected tensors in {path}, got {', '.join(others[:3]) or 'nothing'}")
    broken = [name for name, x in state_dict.items() if x.is_floating_point() and not torch.isfinite(x).all()]
    if broken:
        raise ValueError(f"expected finite weights in {path}, got NaN or infinity in {', '.join(broken[:3])}")
