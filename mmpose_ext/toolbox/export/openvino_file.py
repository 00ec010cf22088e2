"""An exported network in OpenVINO's own format (IR): an ``.xml`` with the graph, a ``.bin`` with the weights."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmpose_ext.atomic import scratch_folder
from mmpose_ext.toolbox.inference.description import DESCRIPTION
from mmpose_ext.toolbox.inference.openvino_runtime import PRECISION, read_openvino

__all__ = ["BRAIN_TOLERANCE", "openvino_size", "replaced_together", "write_openvino"]

BRAIN_TOLERANCE = 0.16
"""Largest difference to PyTorch in bfloat16, relative to the largest output: 20 units of its last place (2^-7)."""


def write_openvino(onnx: Path, path: Path, about: Mapping[str, Any] | None, *, form: str) -> None:
    """Convert an ONNX file.

    Args:
        onnx: The file to read.
        path: The ``.xml`` to write, with a ``.bin`` beside it.
        about: The description to write into it; None for none.
        form: ``float32``; ``float16`` stores the weights in half precision; ``bfloat16`` lets
            :class:`.OpenVINOSession` compute with it.

    Raises:
        ImportError: If OpenVINO is missing.
        ValueError: If OpenVINO can't read the network.
    """
    model = read_openvino(onnx)
    import openvino

    if about:
        model.set_rt_info(json.dumps(about), [DESCRIPTION])
    model.set_rt_info("bf16" if form == "bfloat16" else "f32", [PRECISION])
    openvino.save_model(model, str(path), compress_to_fp16=form == "float16")


def openvino_size(path: Path) -> int:
    """Bytes of both files.

    Args:
        path: The ``.xml``.
    """
    return path.stat().st_size + path.with_suffix(".bin").stat().st_size


@contextmanager
def replaced_together(path: Path) -> Iterator[Path]:
    """A path for an ``.xml`` and its ``.bin`` that take the places of the old ones if nothing is raised.

    Args:
        path: The ``.xml``.
    """
    with scratch_folder(path.parent, path.stem) as folder:
        trial = folder / path.name
        yield trial
        trial.with_suffix(".bin").replace(path.with_suffix(".bin"))
        trial.replace(path)
