"""One graph by one of PyTorch's two exporters, with nothing in it but the network.

Shapes: B batch, H W input.
"""

from __future__ import annotations

import contextlib
import gc
import inspect
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mmpose_ext.toolbox.export.fixed_sizes import FixedSizes

__all__ = ["TRACED_BATCH", "flatten_output", "write_graph"]

OPSET = {"dynamo": 18, "torchscript": 17}
TRACED_BATCH = 2
"""Batch size to follow where any shall run: not 1, which an exporter takes for a constant."""


class _Flat(nn.Module):
    """A network whose output is a tuple of tensors."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return flatten_output(self.network(*inputs))


def flatten_output(output: Any) -> tuple[Tensor, ...]:
    """The tensors in the output of a network: heatmaps, or the two vectors of SimCC, or maps of several levels.

    Args:
        output: A tensor, or tensors in tuples, lists and dicts.
    """
    if isinstance(output, Tensor):
        return (output,)
    parts = output.values() if isinstance(output, dict) else output
    return tuple(tensor for part in parts for tensor in flatten_output(part))


def write_graph(
    network: nn.Module, path: Path, inputs: Mapping[str, Tensor], *, exporter: str, any_batch: bool
) -> None:
    """Write a network as an ONNX file, whose outputs are ``output``, or ``output_0``, ``output_1``...

    Args:
        network: Maps the inputs to any output; in ``eval()`` mode, on the CPU.
        path: The file.
        inputs: Name -> an example (B, ...), in the order of the arguments.
        exporter: ``dynamo`` or ``torchscript``.
        any_batch: Whether any batch size shall run, not only that of the examples.
    """
    network = _Flat(network).eval()
    examples = tuple(inputs.values())
    with torch.no_grad():
        number = len(network(*examples))
    names = ["output"] if number == 1 else [f"output_{i}" for i in range(number)]
    options: dict[str, Any] = dict(input_names=[*inputs], output_names=names, opset_version=OPSET[exporter])
    known = inspect.signature(torch.onnx.export).parameters
    if exporter == "dynamo":
        options.update(dynamo=True, verbose=False)
        if "external_data" in known:
            options["external_data"] = False
        if any_batch:
            size = torch.export.Dim("batch")
            options["dynamic_shapes"] = {"inputs": tuple({0: size} for _ in inputs)}
    else:
        if "dynamo" in known:
            options["dynamo"] = False
        if any_batch:
            options["dynamic_axes"] = {name: {0: "batch"} for name in [*inputs, *names]}
    sizes = FixedSizes() if exporter == "torchscript" else contextlib.nullcontext()
    with _silence(), torch.no_grad(), _no_garbage_collection(), sizes:
        torch.onnx.export(network, examples, str(path), **options)
    _strip(path)


def _strip(path: Path) -> None:
    """Drop what the exporter notes for debugging: lines of source code, and names made of paths in the network."""
    import onnx

    model = onnx.load(str(path))
    graph = model.graph
    for part in (graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        part.doc_string = ""
        del part.metadata_props[:]
    del graph.value_info[:]
    if not any(attribute.HasField("g") for node in graph.node for attribute in node.attribute):
        _shorten_names(graph)
    onnx.save(model, str(path))


def _shorten_names(graph: Any) -> None:
    """Number the nodes and what runs between them; weights, inputs and outputs keep their names."""
    kept = {one.name for one in (*graph.input, *graph.output, *graph.initializer)} | {""}
    names = {name: name for name in kept}
    for i, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{i}"
        node.input[:] = [names[name] for name in node.input]
        for j, name in enumerate(node.output):
            names.setdefault(name, f"{node.name}_{j}" if j else node.name)
        node.output[:] = [names[name] for name in node.output]


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Keep Python from searching for cycles, in which the exporters spend half of their time and find nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep the exporters' progress and warnings to themselves; errors are raised."""
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
