"""From a config and a checkpoint to a file for ONNX Runtime or OpenVINO that was compared with PyTorch."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import nn

from mmpose_ext.atomic import atomic_write
from mmpose_ext.layers.deploy import switch_to_deploy
from mmpose_ext.layers.target_runtime import traced_for
from mmpose_ext.toolbox.export import forms, openvino_file
from mmpose_ext.toolbox.export.decoded import DecodedOutputs, decoded_outputs
from mmpose_ext.toolbox.export.onnx_file import TOLERANCE, compare_outputs, export_onnx
from mmpose_ext.toolbox.export.options import ExportOptions, check_path
from mmpose_ext.toolbox.export.sharpose import refine_all, with_early_exit
from mmpose_ext.toolbox.export.two_stages import TwoStages
from mmpose_ext.toolbox.inference.description import describable, describe
from mmpose_ext.toolbox.inference.weights import quiet_logger
from mmpose_ext.toolbox.networks import Candidate, PoseNet, input_shape, load_candidate

if TYPE_CHECKING:  # what images are compared with brings in most of MMPose, and most exports have none
    from mmpose_ext.toolbox.export.parity import Comparison, Person

__all__ = ["ALLOWED_LOSS", "Exported", "FileReport", "ImageReport", "export"]

ALLOWED_LOSS = 0.5
"""Percentage of PCK that a file in float32 or float16 may lose."""
_OUTPUTS_COMPARED = 64
"""Persons whose outputs are compared; the outputs of all would take as long as the keypoints."""


class FileReport(NamedTuple):
    """A file in one form."""

    form: str
    nodes: int | None
    """Of the graph, also of those in branches; None for OpenVINO, which joins them when it reads the file."""
    size: int
    """In bytes."""
    max_difference: float
    """To PyTorch's outputs on random images, relative to the largest output."""

    @property
    def lines(self) -> list[str]:
        """Two lines for people."""
        return [
            f"{self.form}: {f'{self.nodes} nodes, ' if self.nodes else ''}{self.size / 1e6:.2f} MB",
            f"{_difference(self.max_difference)} on random images",
        ]


class ImageReport(NamedTuple):
    """A file against PyTorch on real images."""

    folder: Path
    outputs_compared: int
    """Persons."""
    max_difference: float
    """Of the outputs, relative to the largest one."""
    comparison: Comparison
    """Keypoints and PCK."""
    annotated: bool
    """Whether PCK is measured against annotations; else against PyTorch's keypoints."""

    @property
    def lines(self) -> list[str]:
        """The comparison for people."""
        from mmpose_ext.toolbox.export.parity import THRESHOLDS

        result = self.comparison
        what = "annotations" if self.annotated else "PyTorch's keypoints"
        changes = {threshold: result.pck[threshold] - result.reference[threshold] for threshold in THRESHOLDS}
        rows = {
            "PyTorch": [f"{result.reference[threshold]:.2f}" for threshold in THRESHOLDS],
            "file": [f"{result.pck[threshold]:.2f}" for threshold in THRESHOLDS],
            "change": [f"{changes[threshold]:+.2f}" for threshold in THRESHOLDS],
        }
        return [
            f"{_difference(self.max_difference)} on {self.outputs_compared} persons of {self.folder}",
            f"keypoints at most {result.pixels:.3g} pixels from PyTorch's",
            f"PCK against {what}, {result.persons} persons, no mirror:",
            " " * 8 + "".join(f"{f'@{threshold:g}':>8}" for threshold in THRESHOLDS),
            *(f"{name:<8}" + "".join(f"{value:>8}" for value in values) for name, values in rows.items()),
        ]


class Exported(NamedTuple):
    """What an export wrote."""

    path: Path
    shape: tuple[int, int]
    """Input height and width."""
    exporter: str
    """Which of PyTorch's two."""
    batch: int | None
    """The only batch size that runs; None if any does."""
    described: bool
    """Whether the file holds what is needed to run it without its config."""
    threshold: float | None
    """SHaRPose: default of the input ``threshold``; None for a file without an early exit."""
    calibrated: int
    """Persons that the ranges of int8 were measured on."""
    float32: FileReport
    """Before any conversion."""
    final: FileReport | None
    """After it; None if nothing was converted."""
    images: ImageReport | None
    """None without images."""

    def text(self) -> str:
        """The report for people, without the name of the file."""
        batch = f"batch size {self.batch}" if self.batch else "any batch size"
        about = f", input 3x{self.shape[0]}x{self.shape[1]}, {batch}, {self.exporter} exporter"
        first, second = self.float32.lines
        lines = [first + about, second]
        if not self.described:
            lines.insert(0, "no description in the file: the config has no test pipeline and decoder for this size")
        if self.threshold is not None:
            change = "" if self.path.suffix == ".xml" else "; the input threshold changes that"
            lines += [f"refines persons with a predicted quality below {self.threshold:g}{change}"]
        lines += [f"calibrated on {self.calibrated} persons"] if self.calibrated else []
        lines += [*(self.final.lines if self.final else []), *(self.images.lines if self.images else [])]
        return "\n".join(lines)


def export(
    config: str, checkpoint: str | Path | None, out: str | Path, *, options: ExportOptions | None = None
) -> Exported:
    """Write a network as a file and compare it with PyTorch; the file appears if it agrees.

    Args:
        config: A config or a function, as for :func:`.load_candidate`.
        checkpoint: File with its weights; None for random ones.
        out: File to write, ``.onnx``, or ``.xml`` for OpenVINO, which gets a ``.bin`` beside it; what was there stays
            if the export fails.
        options: Form, input size, and what it is compared on; None for the defaults.

    Raises:
        ImportError: If ONNX, ONNX Runtime or, for ``.xml``, OpenVINO is missing.
        ValueError: If something can't be used or exported, or the file does not compute what PyTorch does.
    """
    options, out = options or ExportOptions(), Path(out)
    check_path(out, options.form)
    candidate = load_candidate(config, shape=options.shape)
    try:
        with atomic_write(out) if out.suffix == ".onnx" else openvino_file.replaced_together(out) as path:
            report = _export(candidate, checkpoint, path, options)
    except RuntimeError as error:  # torch's and the exporters', for a network or a size that can't be run
        raise ValueError(f"{config} can't be exported to {out}: {error}") from error
    return report._replace(path=out)


def _export(candidate: Candidate, checkpoint: str | Path | None, path: Path, options: ExportOptions) -> Exported:
    shape, description = candidate.require_shape(), _description(candidate, options)
    compared, calibrating = _persons(options, description)
    reference = candidate.build(checkpoint=checkpoint)
    if options.refine_all:
        refine_all(reference)
    if isinstance(reference, PoseNet) and reference.model.with_head and not options.all_outputs:
        reference = DecodedOutputs(reference, decoded_outputs(reference, shape)).eval()
    with quiet_logger():
        network = with_early_exit(reference if options.plain else switch_to_deploy(copy.deepcopy(reference)))
    onnx = path.with_suffix(".onnx")
    with traced_for("openvino" if path.suffix == ".xml" else "onnxruntime"):
        written = export_onnx(
            network,
            onnx,
            shape=shape,
            exporter=options.exporter,
            batch=options.batch,
            reference=reference,
            simplify=not options.as_exported,
        )
    float32 = FileReport("float32", written.nodes, onnx.stat().st_size, written.max_difference)
    if path.suffix == ".xml":
        openvino_file.write_openvino(onnx, path, description, form=options.form)
    else:
        _convert(candidate.source, description, calibrating, path, options)
    final = _final(reference, path, shape, written.batch, options)
    images = _compare(candidate, checkpoint, reference, path, compared, options) if compared else None
    return Exported(
        path=path,
        shape=shape,
        exporter=written.exporter,
        batch=written.batch,
        described=description is not None,
        threshold=network.threshold if isinstance(network, TwoStages) else None,
        calibrated=len(calibrating),
        float32=float32,
        final=final,
        images=images,
    )


def _difference(value: float) -> str:
    return f"largest difference to PyTorch {value:.1e}, relative to the largest output,"


def _description(candidate: Candidate, options: ExportOptions) -> dict[str, Any] | None:
    """The description of the file, or None if the config has none for this size."""
    config = candidate.config
    if config is not None and describable(config) and candidate.shape == input_shape(config):
        return describe(config)
    if options.images or options.form == "int8":
        raise ValueError(
            f"expected a config with test pipeline, decoder and input size {candidate.shape}, got {candidate.source}"
        )
    return None


def _persons(options: ExportOptions, description: Mapping[str, Any] | None) -> tuple[list[Person], list[Person]]:
    """Those to compare on and those to calibrate on."""
    if not options.images and options.form != "int8":
        return [], []
    from mmpose_ext.toolbox.export import parity

    compared: list[Person] = []
    if options.images:
        compared = parity.load_persons(options.images, options.annotations, limit=options.limit)
    if description:
        parity.check_keypoints(compared, description["meta"]["num_keypoints"])
    folder = options.calibration_images or options.images
    if options.form != "int8" or folder is None:
        return compared, []
    annotations = options.calibration or (options.annotations if folder == options.images else None)
    return compared, parity.load_persons(folder, annotations, limit=options.calibration_limit)


def _convert(
    config: str,
    description: Mapping[str, Any] | None,
    calibrating: Sequence[Person],
    path: Path,
    options: ExportOptions,
) -> None:
    """Bring the file into the wanted form, with its description."""
    if options.form == "float16":
        forms.half(path)
    if options.form == "int8":
        from mmpose_ext.toolbox.inference.estimators import OnnxEstimator

        estimator = OnnxEstimator(path, config=config)
        forms.quantize(path, [estimator.images([person.crop]) for person in calibrating])
    if description:
        forms.describe_file(path, description)


def _final(
    reference: nn.Module, path: Path, shape: tuple[int, int], batch: int | None, options: ExportOptions
) -> FileReport | None:
    """The converted file, whose outputs have to agree in floating point."""
    if options.form == "float32" and path.suffix == ".onnx":
        return None
    difference = compare_outputs(reference, path, shape=shape, batch=batch)
    if difference > (allowed := _allowed(options.form)):
        raise ValueError(f"expected the outputs of PyTorch within {allowed:g}, got a difference of {difference:g}")
    if path.suffix == ".xml":
        return FileReport(f"OpenVINO, {options.form}", None, openvino_file.openvino_size(path), difference)
    return FileReport(options.form, sum(forms.node_counts(path).values()), path.stat().st_size, difference)


def _allowed(form: str) -> float:
    """Largest difference to PyTorch, relative to the largest output; eight bits may lose whatever they lose."""
    limits = {"float16": forms.HALF_TOLERANCE, "bfloat16": openvino_file.BRAIN_TOLERANCE, "int8": float("inf")}
    return limits.get(form, TOLERANCE)


def _compare(
    candidate: Candidate,
    checkpoint: str | Path | None,
    reference: nn.Module,
    path: Path,
    persons: list[Person],
    options: ExportOptions,
) -> ImageReport:
    """The file against PyTorch on real images; it has to agree in floating point."""
    from mmpose_ext.toolbox.export import parity
    from mmpose_ext.toolbox.inference.estimators import OnnxEstimator, TorchEstimator

    file = OnnxEstimator(path)
    some = persons[:: -(-len(persons) // _OUTPUTS_COMPARED)]
    difference = parity.output_difference(reference, file, some)
    try:
        network = TorchEstimator(candidate.source, None if checkpoint is None else str(checkpoint), deploy=False)
    except AttributeError as error:  # MMPose's inferencer asks for data_mode and dataset_type
        raise ValueError(f"expected a config for MMPose's inferencers, got {candidate.source} ({error})") from error
    if checkpoint is None:
        network.model.load_state_dict(candidate.build().model.state_dict())  # the same random weights
    if options.refine_all:
        refine_all(network.model)
    with quiet_logger():
        switch_to_deploy(network.model)  # which is faster; the outputs were compared with the form before
    result = parity.compare(network, file, persons)
    assert options.images is not None
    if difference > (allowed := _allowed(options.form)):
        raise ValueError(f"expected the outputs of PyTorch within {allowed:g} on {options.images}, got {difference:g}")
    worst = min(result.pck[threshold] - result.reference[threshold] for threshold in parity.THRESHOLDS)
    exact = options.form in ("float32", "float16") and checkpoint is not None  # random weights find nothing to lose
    if exact and worst < -ALLOWED_LOSS:
        raise ValueError(f"expected PCK within {ALLOWED_LOSS} of PyTorch's on {options.images}, got {worst:+.2f}")
    return ImageReport(options.images, len(some), difference, result, options.annotations is not None)
