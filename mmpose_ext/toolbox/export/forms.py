"""An exported network in other forms: described, simplified, in half precision, quantized to eight bits.

All of it is done by ONNX and ONNX Runtime, in place; the file is exchanged when the new one is complete.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmpose_ext.toolbox.inference.description import DESCRIPTION

__all__ = [
    "HALF_TOLERANCE",
    "dense_nodes",
    "describe_file",
    "half",
    "node_counts",
    "quantize",
    "simplify",
]

HALF_TOLERANCE = 2e-2
"""Largest difference to PyTorch in float16, relative to the largest output: 20 units of its last place (2^-10)."""


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

    Constants are not folded where that makes the file larger, as with the tables of positions of SSN's shifts; if it
    grows nonetheless, it stays as it is.

    Args:
        path: An ONNX file.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        for disabled in ([], ["ConstantFolding"]):
            target = Path(folder, "simplified.onnx")
            options.optimized_model_filepath = str(target)
            onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=disabled
            )
            if target.stat().st_size < 1.1 * path.stat().st_size:
                target.replace(path)
                return


def half(path: Path) -> None:
    """Store and compute in float16; input and output stay float32.

    Args:
        path: An ONNX file.
    """
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    model = OnnxModel(convert_float_to_float16(onnx.load(str(path)), keep_io_types=True))
    # the scales of several `Resize`, which are one tensor, are converted once for each
    unique = {tuple(node.output): node for node in model.graph().node}
    del model.graph().node[:]
    model.graph().node.extend(unique.values())
    model.topological_sort()  # the conversions lie behind all other nodes
    onnx.save(model.model, str(path))


def quantize(path: Path, images: Sequence[np.ndarray]) -> None:
    """Quantize dense convolutions and matrix products statically, with scales of the weights for each channel.

    Args:
        path: An ONNX file in float32, simplified.
        images: Batches (B, 3, H, W) as the network takes them, for the ranges of the maps.

    Raises:
        ValueError: If there is no image, nothing to quantize, or a stage that is left out at times.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    if not len(images):
        raise ValueError("expected images for the calibration, got none")
    if "If" in node_counts(path):  # ONNX Runtime's quantization doesn't look into branches
        raise ValueError("expected a network that always does the same for --int8, got an early exit; try --refine-all")

    class Reader(CalibrationDataReader):
        """Hands out the images once."""

        def __init__(self) -> None:
            self._images = iter(images)

        def get_next(self) -> dict[str, np.ndarray] | None:
            batch = next(self._images, None)
            return None if batch is None else {"images": batch}

    names = dense_nodes(path)
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
                op_types_to_quantize=["Conv", "MatMul", "Gemm"],
                nodes_to_quantize=names,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
            target.replace(path)
    finally:
        logging.root.setLevel(level)


def dense_nodes(path: Path) -> list[str]:
    """Names of the nodes that :func:`quantize` takes; the others stay in float32.

    These are convolutions and matrix products whose weights are constants. Depthwise convolutions, such as those over
    the stripes of X-HRNet, stay: eight bits cost most of the accuracy there and save nothing. So do products with a
    batch of matrices, for which ONNX Runtime has no kernel with scales for each channel.

    Args:
        path: An ONNX file.

    Raises:
        ValueError: If there is none.
    """
    import onnx

    model = onnx.load(str(path))
    weights = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    names = []
    for node in model.graph.node:
        shape = weights.get(node.input[1], ()) if node.op_type in ("Conv", "MatMul", "Gemm") else ()
        if shape and (shape[1] > 1 if node.op_type == "Conv" else len(shape) == 2):
            names.append(node.name)
    if not names:
        raise ValueError(f"expected a dense convolution or matrix product in {path}, got {node_counts(path)}")
    return names


def node_counts(path: Path) -> dict[str, int]:
    """Operator -> how often it is in a file.

    Args:
        path: An ONNX file.
    """
    import onnx

    names = [node.op_type for node in _nodes(onnx.load(str(path)).graph)]
    return {name: names.count(name) for name in dict.fromkeys(names)}


def _nodes(graph: Any) -> Iterator[Any]:
    """The nodes of a graph and of the graphs inside them."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g)
