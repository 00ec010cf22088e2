"""Export to ONNX, with a dynamic batch size and a comparison against PyTorch.

PyTorch has two exporters. The one on top of TorchScript takes a tenth of the time; the one on top of ``torch.export``,
usable from 2.6 on, writes a better graph where sizes depend on the batch. ``auto`` tries the first, and takes the other
where it fails or its graph computes sizes at run time.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mmpose_ext.atomic import atomic_write
from mmpose_ext.compat.versions import torch_at_least
from mmpose_ext.toolbox.export import forms
from mmpose_ext.toolbox.export.graph import TRACED_BATCH, flatten_output, write_graph
from mmpose_ext.toolbox.export.options import EXPORTERS
from mmpose_ext.toolbox.export.two_stages import THRESHOLD, TwoStages, write_two_stages
from mmpose_ext.toolbox.inference.onnx_runtime import onnx_session

__all__ = [
    "EXPORTERS",
    "TOLERANCE",
    "ExportReport",
    "OutputsDiffer",
    "compare_outputs",
    "export_onnx",
    "flatten_output",
    "max_relative_difference",
]

TOLERANCE = 1e-4
"""Largest difference to PyTorch in float32, relative to the largest output."""
_CHECKED_BATCHES = (1, 4)
_SHARE_OF_SIZES = 0.02
"""Largest share of nodes that ask for a size in a graph that ``auto`` takes from the exporter on top of TorchScript."""


class OutputsDiffer(ValueError):
    """A file that does not compute what the network computes."""


@dataclass(frozen=True)
class ExportReport:
    """What an export produced.

    Attributes:
        path: The file.
        exporter: Which of PyTorch's exporters wrote it.
        batch: The only batch size that runs, or None if any does.
        nodes: Number of nodes, also of those in branches.
        max_difference: Largest difference to PyTorch, relative to the largest output.
    """

    path: Path
    exporter: str
    batch: int | None
    nodes: int
    max_difference: float


def max_relative_difference(got: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """Largest difference between two outputs, relative to the largest value of each expected tensor.

    Args:
        got: Tensors.
        expected: Tensors of the same shapes.
    """
    if [x.shape for x in got] != [x.shape for x in expected]:
        raise ValueError(
            f"expected outputs of shapes {[(*x.shape,) for x in expected]}, got {[(*x.shape,) for x in got]}"
        )
    return max(
        float((a.float() - b.float()).abs().max() / b.float().abs().max().clamp_min(torch.finfo(torch.float32).tiny))
        for a, b in zip(got, expected, strict=True)
    )


def export_onnx(
    network: nn.Module,
    path: str | Path,
    *,
    shape: tuple[int, int],
    exporter: str = "auto",
    batch: int | None = None,
    tolerance: float = TOLERANCE,
    reference: nn.Module | None = None,
    simplify: bool = True,
) -> ExportReport:
    """Write a network as an ONNX file and compare its output in ONNX Runtime with PyTorch's.

    Args:
        network: Maps images (B, 3, H, W) to any output; in ``eval()`` mode, on the CPU.
        path: The file to write. Its input is ``images``; its outputs are ``output``, or ``output_0``, ``output_1``...
        shape: Input height and width.
        exporter: One of :data:`EXPORTERS`.
        batch: The only batch size that shall run; None for any. Where the network can't be exported for any, it is
            exported for 1, with a warning.
        tolerance: Largest difference to PyTorch allowed, relative to the largest output.
        reference: The network to compare with, e.g. the form before ``switch_to_deploy``; None for ``network``.
        simplify: Whether ONNX Runtime folds constants and removes what does nothing.

    The file appears when the comparison is done: an export that fails leaves nothing, and what was there stays.

    Raises:
        ImportError: If ONNX or ONNX Runtime is missing.
        ValueError: If the network is in training mode, the exporter is unknown, or the outputs differ.
        RuntimeError: If no exporter can handle the network.
    """
    missing = [name for name in ("onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(f"the export needs {' and '.join(missing)}: pip install onnx onnxruntime onnxscript")
    if exporter not in EXPORTERS:
        raise ValueError(f"expected an exporter among {', '.join(EXPORTERS)}, got {exporter!r}")
    if any(module.training for module in network.modules()):
        raise ValueError("expected a network in eval() mode, got training mode; call network.eval() first")
    path = Path(path)
    failures = []
    for attempt in _attempts(exporter, batch, simplify=simplify):
        try:
            with atomic_write(path) as trial:
                _write(network, trial, shape, attempt.exporter, attempt.batch)
                if simplify:
                    forms.simplify(trial)
                nodes = forms.node_counts(trial)
                if attempt.sizes_fixed and nodes.get("Shape", 0) > _SHARE_OF_SIZES * sum(nodes.values()):
                    raise ValueError("the graph computes sizes")
                difference = compare_outputs(reference or network, trial, shape=shape, batch=attempt.batch)
                if isinstance(network, TwoStages):
                    difference = max(difference, _compare_stages(network, trial, shape, attempt.batch))
                if difference > tolerance:
                    raise OutputsDiffer(
                        f"expected the outputs of PyTorch within {tolerance:g}, got a difference of {difference:g}"
                    )
        except Exception as error:  # each exporter has its own
            if isinstance(error, OutputsDiffer) and not attempt.sizes_fixed:
                raise
            what = f"{attempt.exporter}, batch {attempt.batch or 'any'}"
            failures.append(f"{what}: {type(error).__name__}: {str(error)[:500]}")
            continue
        if attempt.batch and batch is None:
            warnings.warn(f"the file runs with batch size {attempt.batch} only ({failures[0]})", stacklevel=2)
        return ExportReport(path, attempt.exporter, attempt.batch, sum(nodes.values()), difference)
    raise RuntimeError("no exporter can handle this network:\n" + "\n".join(failures))


class _Attempt(NamedTuple):
    exporter: str
    batch: int | None
    sizes_fixed: bool = False
    """Whether a graph that computes sizes, or other outputs, is left for the next attempt."""


def _attempts(exporter: str, batch: int | None, *, simplify: bool) -> Iterator[_Attempt]:
    """Exporters to try, in order, each with the batch size to fix."""
    names = [exporter]
    if exporter == "auto":
        names = ["dynamo", "torchscript"] if torch_at_least(2, 6) else ["torchscript"]
    if len(names) > 1 and simplify:
        yield _Attempt("torchscript", batch, sizes_fixed=True)
    yield from (_Attempt(name, batch) for name in names)
    if batch is None:
        yield from (_Attempt(name, 1) for name in names)


def _write(network: nn.Module, path: Path, shape: tuple[int, int], exporter: str, batch: int | None) -> None:
    if isinstance(network, TwoStages):
        write_two_stages(network, path, shape=shape, exporter=exporter, batch=batch)
        return
    images = torch.zeros(batch or TRACED_BATCH, 3, *shape)
    write_graph(network, path, {"images": images}, exporter=exporter, any_batch=batch is None)


def compare_outputs(network: nn.Module, path: str | Path, *, shape: tuple[int, int], batch: int | None = None) -> float:
    """Largest difference of the outputs of a file to PyTorch's on random images, relative to the largest output.

    Args:
        network: Maps images (B, 3, H, W) to the outputs of the file; in ``eval()`` mode.
        path: An ONNX file.
        shape: Input height and width.
        batch: The only batch size that runs; None compares with one image and with four.
    """
    session = onnx_session(path, threads=torch.get_num_threads())
    differences = []
    for size in [batch] if batch else _CHECKED_BATCHES:
        images = torch.randn(size, 3, *shape, generator=torch.Generator().manual_seed(size))
        with torch.no_grad():
            expected = flatten_output(network(images))
        got = [torch.from_numpy(x) for x in session.run(None, {"images": images.numpy()})]
        differences.append(max_relative_difference(got, expected))
    return max(differences)


def _compare_stages(network: TwoStages, path: Path, shape: tuple[int, int], batch: int | None) -> float:
    """The same with thresholds at which none, some and all of the images are refined."""
    session = onnx_session(path, threads=torch.get_num_threads())
    images = torch.randn(batch or max(_CHECKED_BATCHES), 3, *shape, generator=torch.Generator().manual_seed(0))
    differences = []
    with torch.no_grad():
        for threshold in network.thresholds(images):
            expected = flatten_output(network(images, threshold))
            given = {"images": images.numpy(), THRESHOLD: np.array(threshold, np.float32)}
            got = [torch.from_numpy(x) for x in session.run(None, given)]
            differences.append(max_relative_difference(got, expected))
    return max(differences)
