"""An exported network in other forms: described, simplified, in half precision, quantised to eight bits.

All of it is done by ONNX and ONNX Runtime, in place; the file is exchanged when the new one is complete.

Deviations: none (no paper).
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["DESCRIPTION", "describe_file", "half", "node_counts", "quantize", "simplify"]

DESCRIPTION = "mmpose_ext"
"""Key of the description in the metadata of an ONNX file."""


def describe_file(path: Path, about: Mapping[str, Any]) -> None:
    """Write into a file what is needed for using it without its config.

    Args:
        path: An ONNX file.
        about: Plain types.
    """
    import onnx

    model = onnx.load(str(path))
    kept = {entry.key: entry.value for entry in model.metadata_props}
    onnx.helper.set_model_props(model, {**kept, DESCRIPTION: json.dumps(about)})
    onnx.save(model, str(path))


def simplify(path: Path) -> None:
    """Fold constants and drop what does nothing, with standard operators only.

    Args:
        path: An ONNX file.
    """
    import onnxruntime

    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        target = Path(folder, "simplified.onnx")
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(target)
        options.log_severity_level = 3
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        target.replace(path)


def half(path: Path) -> None:
    """Store and compute in float16; input and output stay float32.

    Args:
        path: An ONNX file.
    """
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(str(path)), keep_io_types=True), str(path))


def quantize(path: Path, images: Sequence[np.ndarray]) -> None:
    """Quantise weights (for each channel) and maps of convolutions statically.

    Args:
        path: An ONNX file in float32.
        images: Batches (B, 3, H, W) as the network takes them, for the ranges of the maps.

    Raises:
        ValueError: If there is no image.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    if not len(images):
        raise ValueError("expected images for the calibration, got none")

    class Reader(CalibrationDataReader):
        """Hands out the images once."""

        def __init__(self) -> None:
            self._images = iter(images)

        def get_next(self) -> dict[str, np.ndarray] | None:
            batch = next(self._images, None)
            return None if batch is None else {"images": batch}

    level = logging.root.level
    logging.root.setLevel(logging.ERROR)  # it advises a preparation that `simplify` has done
    try:
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            target = Path(folder, "quantized.onnx")
            quantize_static(
                str(path),
                str(target),
                Reader(),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=["Conv"],  # ONNX Runtime can't run a matrix product with scales for each channel
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
            target.replace(path)
    finally:
        logging.root.setLevel(level)


def node_counts(path: Path) -> dict[str, int]:
    """Operator -> how often it is in a file.

    Args:
        path: An ONNX file.
    """
    import onnx

    names = [node.op_type for node in onnx.load(str(path)).graph.node]
    return {name: names.count(name) for name in dict.fromkeys(names)}
