"""Official checkpoint files in the keys of this package; the key maps are in :mod:`mmpose_ext.convert`."""

from __future__ import annotations

import inspect
import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from mmpose_ext.atomic import atomic_write
from mmpose_ext.compat import checkpoint as checkpoints
from mmpose_ext.convert import CONVERTERS

__all__ = ["Conversion", "convert_checkpoint"]


class Conversion(NamedTuple):
    """What was written."""

    path: Path
    tensors: int
    """How many."""


def convert_checkpoint(
    checkpoint: str | Path, out: str | Path, *, paper: str, shape: tuple[int, int] | None = None
) -> Conversion:
    """Rewrite an official checkpoint; nothing in it is run, and the file stays as it is.

    Args:
        checkpoint: The official file.
        out: The file to write, for ``load_from`` or ``--checkpoint``; it must not exist.
        paper: A key of :data:`mmpose_ext.convert.CONVERTERS`.
        shape: Height and width of the images that an X-HRNet was trained on. None keeps the official length of the
            averaging vectors, for a config with ``fixed_averaging=(96, 72)``.

    Raises:
        ValueError: If a name can't be used, the file can't be read, or it is not a checkpoint of this paper.
    """
    checkpoint, out = Path(checkpoint), Path(out)
    if paper not in CONVERTERS:
        raise ValueError(f"expected a paper among {', '.join(CONVERTERS)}, got {paper!r}")
    if not checkpoint.is_file():
        raise ValueError(f"there is no file {checkpoint}")
    if out.exists():
        raise ValueError(f"{out} exists already; choose another name")
    options = {} if shape is None else {"input_size": (shape[1], shape[0])}
    if options.keys() - inspect.signature(CONVERTERS[paper]).parameters:
        raise ValueError(f"checkpoints of {paper} need no --shape")
    state_dict = _read(checkpoint)
    try:
        converted = CONVERTERS[paper](state_dict, **options)
    except Exception as error:  # whatever a tensor of another shape than expected causes
        raise ValueError(f"{checkpoint}: {error}") from error
    content = io.BytesIO()  # torch says of a full disk that a stream is broken
    torch.save({"state_dict": converted, "meta": {"converted_from": checkpoint.name}}, content)
    with atomic_write(out) as path:
        path.write_bytes(content.getbuffer())
    return Conversion(out, len(converted))


def _read(path: Path) -> Mapping[str, Tensor]:
    """The weights in a file: those of MMEngine lie under ``state_dict``, those of MAE under ``model``, timm's open."""
    try:
        content = checkpoints.load(path)
    except pickle.UnpicklingError as error:  # torch's own words say how to run what is in it
        raise ValueError(f"{path}: it holds something else than weights and plain data") from error
    except Exception as error:  # torch says of a file that is none whatever its parser stumbled over
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{path}: it can't be read as a checkpoint ({reason})") from error
    weights = content.get("state_dict", content.get("model", content)) if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise ValueError(f"{path}: it holds no weights")
    return weights
