"""A network that leaves its second stage out where the first one is sure, and the same as an ONNX file.

PyTorch's exporters can't leave samples out: how many stay depends on the data. So three graphs are exported, up to the
decision, the second stage, and what follows. They are joined by an ``If`` around the second stage, which gets only the
samples that need it. Weights that both stages share stand in the file once.

Shapes: B batch, R samples that need the second stage.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mmpose_ext.toolbox.export.graph import TRACED_BATCH, flatten_output, write_graph

__all__ = ["THRESHOLD", "TwoStages", "write_two_stages"]

THRESHOLD = "threshold"
"""Input of the file that has a default: samples with a lower score are refined."""


class TwoStages(nn.Module):
    """A network in three parts.

    Shape: images (B, 3, H, W) -> what ``last`` returns.

    Args:
        first: Images -> an answer (B, ...), a score (B,), and the arguments of the second stage, each (B, ...).
        second: Its arguments -> a better answer.
        last: An answer -> the output.
        threshold: Samples with a lower score get the better answer.
    """

    def __init__(self, first: nn.Module, second: nn.Module, last: nn.Module, *, threshold: float) -> None:
        super().__init__()
        self.first, self.second, self.last = first, second, last
        self.threshold = threshold

    def forward(self, images: Tensor, threshold: float | None = None) -> Any:
        """Run what is needed.

        Args:
            images: (B, 3, H, W).
            threshold: In place of the network's.
        """
        answer, score, *arguments = self.first(images)
        rows = (score < (self.threshold if threshold is None else threshold)).nonzero()[:, 0]
        if len(rows):
            answer = answer.index_copy(0, rows, self.second(*(x.index_select(0, rows) for x in arguments)))
        return self.last(answer)

    def thresholds(self, images: Tensor) -> list[float]:
        """Thresholds at which none, some and all of the images (B, 3, H, W) are refined, if their scores differ."""
        score = flatten_output(self.first(images))[1]
        low, high = float(score.min()), float(score.max())
        return [low - 1, (low + high) / 2, high + 1]


def write_two_stages(
    network: TwoStages, path: Path, *, shape: tuple[int, int], exporter: str, batch: int | None
) -> None:
    """Write a network as an ONNX file with the inputs ``images`` and, with a default, ``threshold``.

    Args:
        network: In ``eval()`` mode, on the CPU.
        path: The file.
        shape: Input height and width.
        exporter: ``dynamo`` or ``torchscript``.
        batch: The only batch size that shall run; None for any.
    """
    import onnx

    images = torch.zeros(batch or TRACED_BATCH, 3, *shape)
    with torch.no_grad():
        answer, _, *arguments = flatten_output(network.first(images))
    # the second stage gets any number of samples, whatever the batch size
    some = {f"argument_{i}": x[:1].repeat(TRACED_BATCH, *[1] * (x.ndim - 1)) for i, x in enumerate(arguments)}
    parts = {
        "first": (network.first, {"images": images}, batch is None),
        "second": (network.second, some, True),
        "last": (network.last, {"answer": answer}, batch is None),
    }
    models = {}
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        for name, (part, inputs, any_batch) in parts.items():
            file = Path(folder, f"{name}.onnx")
            write_graph(part, file, inputs, exporter=exporter, any_batch=any_batch)
            models[name] = onnx.load(str(file))
    onnx.save(_join(models, network.threshold), str(path))


def _join(models: Mapping[str, Any], threshold: float) -> Any:
    """One model with an ``If`` around the second of three."""
    from onnx import TensorProto, helper

    weights = _apart(models)
    first, second, last = (models[name].graph for name in ("first", "second", "last"))
    answer, score, *arguments = (output.name for output in first.output)
    gate = helper.make_node(
        "If",
        ["some"],
        [last.input[0].name],
        "gate",
        then_branch=_refine(second, answer, arguments),
        else_branch=helper.make_graph(
            [helper.make_node("Identity", [answer], ["kept"], "keep")], "keep", [], [_unshaped("kept")]
        ),
    )
    decision = [
        helper.make_node("Less", [score, THRESHOLD], ["wanted"], "compare"),
        helper.make_node("NonZero", ["wanted"], ["found"], "find"),
        helper.make_node("Transpose", ["found"], ["places"], "list", perm=[1, 0]),
        helper.make_node("Squeeze", ["found", "axis"], ["rows"], "flatten"),
        helper.make_node("Size", ["rows"], ["number"], "count"),
        helper.make_node("Greater", ["number", "zero"], ["some"], "decide"),
    ]
    constants = [
        helper.make_tensor(THRESHOLD, TensorProto.FLOAT, [], [threshold]),
        helper.make_tensor("axis", TensorProto.INT64, [1], [0]),
        helper.make_tensor("zero", TensorProto.INT64, [], [0]),
    ]
    optional = helper.make_tensor_value_info(THRESHOLD, TensorProto.FLOAT, [])
    return helper.make_model(
        helper.make_graph(
            [*first.node, *decision, gate, *last.node],
            "two_stages",
            [*first.input, optional],
            [*last.output],
            [*constants, *weights],
        ),
        opset_imports=[*models["first"].opset_import],
        ir_version=max(model.ir_version for model in models.values()),
    )


def _unshaped(name: str) -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)


def _refine(second: Any, answer: str, arguments: Sequence[str]) -> Any:
    """The branch that takes the rows of the arguments, runs the second stage and puts its results in place."""
    from onnx import helper

    taken = [
        helper.make_node("Gather", [name, "rows"], [there.name], f"take_{there.name}", axis=0)
        for name, there in zip(arguments, second.input, strict=True)
    ]
    put = helper.make_node("ScatterND", [answer, "places", second.output[0].name], ["refined"], "put")
    return helper.make_graph([*taken, *second.node, put], "refine", [], [_unshaped("refined")])


def _apart(models: Mapping[str, Any]) -> list[Any]:
    """Give what is in several graphs a name for each, except for weights, of which equal ones get the same.

    Args:
        models: Name -> model, from the first to the last; the names in them are changed.

    Returns:
        The weights, each once.
    """
    from onnx import numpy_helper

    weights: dict[tuple, Any] = {}
    *_, last = models.values()
    for part, model in models.items():
        names = {"": "", "images": "images"}
        if model is last:
            names.update({output.name: output.name for output in model.graph.output})
        for tensor in model.graph.initializer:
            content = (tensor.data_type, *tensor.dims, numpy_helper.to_array(tensor).tobytes())
            names[tensor.name] = weights.setdefault(content, tensor).name
            if weights[content] is tensor:
                names[tensor.name] = tensor.name = f"{part}/{tensor.name}"
        _rename(model.graph, names, f"{part}/")
    return list(weights.values())


def _rename(graph: Any, names: Mapping[str, str], prefix: str) -> None:
    """Change the names of all nodes and of what runs between them, in place."""
    for entry in (*graph.input, *graph.output):
        entry.name = names.get(entry.name, prefix + entry.name)
    for node in graph.node:
        node.name = prefix + node.name
        for edges in (node.input, node.output):
            edges[:] = [names.get(edge, prefix + edge) for edge in edges]
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _rename(attribute.g, names, prefix)
