"""Loads a checkpoint into a network only if it fits.

MMPose's inferencers load what fits and leave the rest random, with a line in the log: with the checkpoint of another
network the keypoints mean nothing.
"""

from __future__ import annotations

import hashlib
import logging
import pickle
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.logging import MMLogger
from mmengine.runner import load_state_dict
from torch import Tensor, nn

from mmpose_ext.compat.checkpoint import load
from mmpose_ext.layers.insertion import set_inserted

__all__ = ["load_weights", "quiet_logger", "sha256"]


def load_weights(model: nn.Module, path: str | Path) -> dict[str, Any]:
    """Load all weights of a network; nothing in the file is run.

    Modules that a training had not inserted yet (SSN) stay out.

    Args:
        model: The network.
        path: Checkpoint file of MMEngine, or of plain torch.

    Returns:
        What the file says beside the weights (`meta`), empty if nothing.

    Raises:
        ValueError: If the file is no checkpoint, or not one of this network.
    """
    if not Path(path).is_file():
        raise ValueError(f"expected a checkpoint, got {path}, which does not exist")
    try:
        content = load(path)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"expected a checkpoint with weights and plain data only, {path} holds something else"
        ) from error
    except Exception as error:  # torch says of a file that is none whatever its parser stumbled over
        raise ValueError(f"expected a checkpoint, {path} can't be read as one ({type(error).__name__})") from error
    weights = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not weights or not all(isinstance(value, Tensor) for value in weights.values()):
        raise ValueError(f"expected a checkpoint, {path} holds no weights")
    weights = _bare(weights)
    try:
        load_state_dict(model, weights, strict=True)
    except ValueError as error:  # of a network's own check
        raise ValueError(f"expected a checkpoint of this network, {path} is not: {error}") from error
    except RuntimeError as error:  # all that fits is loaded by then
        if differences := _differences(model, weights):
            raise ValueError(f"expected a checkpoint of this network, {path} is not: {differences}") from error
    meta = dict(content.get("meta") or {}) if "state_dict" in content else {}
    set_inserted(model, meta)
    return meta


@contextmanager
def quiet_logger() -> Iterator[None]:
    """Keep from the terminal what MMEngine and the networks say while they are built."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _bare(weights: Mapping[str, Tensor]) -> OrderedDict[str, Tensor]:
    """Weights under the names that they have outside of a wrapper for distributed training."""
    bare = OrderedDict((name.removeprefix("module."), value) for name, value in weights.items())
    if hasattr(weights, "_metadata"):  # the versions of modules that know how to read their older forms
        vars(bare)["_metadata"] = weights._metadata
    return bare


def _differences(model: nn.Module, given: Mapping[str, Tensor]) -> str:
    """What the network lacks, in one sentence; empty if it lacks nothing and the file has only more than it needs."""
    wanted = model.state_dict()
    missing = [name for name in wanted if name not in given and not name.endswith("num_batches_tracked")]
    unknown = [name for name in given if name not in wanted]
    other = [name for name in wanted if name in given and wanted[name].shape != given[name].shape]
    parts = []
    if missing:
        parts.append(f"{len(missing)} of {len(wanted)} tensors are missing ({missing[0]})")
    if other:
        shapes = [" x ".join(map(str, one[other[0]].shape)) or "a number" for one in (given, wanted)]
        parts.append(f"{len(other)} have another shape ({other[0]}: {shapes[0]} in place of {shapes[1]})")
    if unknown and parts:
        parts.append(f"{len(unknown)} are unknown ({unknown[0]})")
    return ", ".join(parts)


def sha256(path: Path) -> str:
    """Hash of a file.

    Args:
        path: The file.
    """
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
