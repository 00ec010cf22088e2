"""A session of OpenVINO for a file of its own format, with the methods of ONNX Runtime's that are used here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from mmpose_ext.toolbox.inference.description import DESCRIPTION

__all__ = ["PRECISION", "OpenVINOSession", "read_openvino"]

PRECISION = "mmpose_ext_precision"
"""Key, in an IR file, of the numbers that it is meant to be run with, ``f32`` or ``bf16``."""


def read_openvino(path: str | Path) -> Any:
    """Read a network; nothing in the file is run.

    Args:
        path: An OpenVINO IR file ``.xml`` with its ``.bin`` beside it, or an ONNX file.

    Raises:
        ImportError: If OpenVINO is missing.
        ValueError: If it can't be read.
    """
    try:
        import openvino
    except ImportError as error:
        raise ImportError("OpenVINO's files need OpenVINO: pip install openvino") from error
    path = Path(path)
    for file in (path, path.with_suffix(".bin")) if path.suffix == ".xml" else (path,):
        if not file.is_file():
            raise ValueError(f"expected an OpenVINO file, got {path}, but {file} does not exist")
    try:
        return openvino.Core().read_model(path)
    except Exception as error:  # OpenVINO has a RuntimeError for it, and others for what its parsers stumble over
        raise ValueError(f"expected an OpenVINO file, {path} can't be read: {_in_a_line(error)}") from error


class OpenVINOSession:
    """Runs a network on the CPU.

    Args:
        path: As for :func:`read_openvino`.
        threads: Number of CPU threads.
        batch: Batch size to fix, which is faster; None keeps that of the file.

    Raises:
        ImportError: If OpenVINO is missing.
        ValueError: If the file can't be read or compiled.
    """

    def __init__(self, path: str | Path, *, threads: int, batch: int | None = None) -> None:
        model = read_openvino(path)
        import openvino

        self.path = path
        self._about = {key: _text(model, key) for key in (DESCRIPTION, PRECISION)}
        options = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if self._about[PRECISION] == "bf16" else "f32",
        }
        try:
            if batch is not None:
                model.reshape({one: [batch, *list(one.partial_shape)[1:]] for one in model.inputs})
            self._inputs = [_described(one) for one in model.inputs]
            self._request = openvino.Core().compile_model(model, "CPU", options).create_infer_request()
        except Exception as error:
            raise ValueError(f"expected an OpenVINO file, {path} can't be used: {_in_a_line(error)}") from error

    def get_inputs(self) -> list[SimpleNamespace]:
        """Name, shape and type of each input, as ONNX Runtime says it."""
        return self._inputs

    def get_modelmeta(self) -> SimpleNamespace:
        """What was written into the file beside the network."""
        return SimpleNamespace(custom_metadata_map={key: text for key, text in self._about.items() if text})

    def run(self, names: None, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Outputs of the network.

        Args:
            names: Not used: all outputs are returned.
            inputs: Name -> array.
        """
        results = self._request.infer(dict(inputs))
        return [np.array(results[i]) for i in range(len(results))]


def _in_a_line(error: Exception) -> str:
    """The end of what OpenVINO says, in front of which it names its own lines of code."""
    return " ".join(str(error).split())[-300:]


def _described(one: Any) -> SimpleNamespace:
    shape = [size.get_length() if size.is_static else str(size) for size in one.partial_shape]
    kind = {"f16": "float16", "f32": "float"}.get(one.element_type.get_type_name(), one.element_type.get_type_name())
    return SimpleNamespace(name=one.get_any_name(), shape=shape, type=f"tensor({kind})")


def _text(model: Any, key: str) -> str | None:
    """A text of the file's own part, None if it has none."""
    try:
        return str(model.get_rt_info([key]).value)
    except RuntimeError:
        return None
