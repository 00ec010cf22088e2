"""Export a config and its checkpoint to ONNX; the file is compared with PyTorch before it appears.

Example: mmpose-ext export xhrnet-18 best.pth xhrnet.onnx --images photos/ --annotations photos.json
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from mmpose_ext.toolbox.export.parity import Comparison, Person
    from mmpose_ext.toolbox.networks import Candidate

ALLOWED_LOSS = 0.5
"""Percentage of PCK that a file in floating point may lose."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext export``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument("config", metavar="CONFIG", help="path, mmpose::path, mmpose_ext::path or alias")
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="checkpoint file; `none` for random weights")
    parser.add_argument("out", metavar="OUT.onnx", help="file to write")
    parser.add_argument("--shape", nargs=2, type=int, metavar=("H", "W"), help="input size in place of the config's")
    parser.add_argument(
        "--exporter",
        choices=["auto", "dynamo", "torchscript"],
        default="auto",
        help="which of PyTorch's two exporters; auto tries the newer one first",
    )
    parser.add_argument("--batch", type=int, help="fix the batch size; any size runs without this")
    parser.add_argument("--plain", action="store_true", help="export the training form, not the deployed one")
    parser.add_argument("--all-outputs", action="store_true", help="keep the outputs that are not decoded too")
    parser.add_argument(
        "--refine-all", action="store_true", help="SHaRPose: refine good poses too, ignore the threshold"
    )
    parser.add_argument("--as-exported", action="store_true", help="don't fold constants and drop what does nothing")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--fp16", action="store_true", help="compute in half precision")
    form.add_argument("--int8", action="store_true", help="quantise to eight bits, see --calibration")
    compared = parser.add_argument_group("comparison on real pictures")
    compared.add_argument("--images", type=Path, metavar="FOLDER", help="compare with PyTorch on these pictures too")
    compared.add_argument("--annotations", type=Path, metavar="COCO.json", help="boxes and key points of --images")
    compared.add_argument("--limit", type=int, default=64, help="persons to compare on (default 64)")
    ranges = parser.add_argument_group("calibration of --int8")
    ranges.add_argument("--calibration", type=Path, metavar="COCO.json", help="other persons than those compared on")
    ranges.add_argument("--calibration-images", type=Path, metavar="FOLDER", help="their pictures, if not in --images")
    ranges.add_argument("--calibration-limit", type=int, default=256, help="persons to calibrate on (default 256)")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext export``.

    Args:
        args: Parsed arguments.

    Returns:
        0, or 2 if something can't be used or exported; then there is no file, or the one that was there.
    """
    from mmpose_ext.atomic import atomic_write
    from mmpose_ext.toolbox.networks import load_candidate

    try:
        _check(args)
        candidate = load_candidate(args.config, shape=tuple(args.shape) if args.shape else None)
        with atomic_write(args.out) as path:
            _export(args, candidate, path)
    except (ImportError, ValueError, RuntimeError, OSError) as error:
        print(f"mmpose-ext export: {error}", file=sys.stderr)
        return 2
    print(args.out)
    return 0


def _check(args: argparse.Namespace) -> None:
    if Path(args.out).suffix != ".onnx":
        raise ValueError(f"expected a name that ends in .onnx for the file to write, got {args.out}")
    if args.batch is not None and args.batch < 1:
        raise ValueError(f"expected a batch size of at least 1, got {args.batch}")
    if args.checkpoint != "none" and not Path(args.checkpoint).is_file():
        raise ValueError(f"expected a checkpoint, or `none` for random weights, got {args.checkpoint}")
    if args.int8 and not (args.images or args.calibration_images):
        raise ValueError(
            "expected --images FOLDER or --calibration-images FOLDER for the calibration of --int8, got none"
        )
    if args.annotations and not args.images:
        raise ValueError("expected --images FOLDER beside --annotations, got none")
    if (args.calibration or args.calibration_images) and not args.int8:
        raise ValueError("expected --int8 beside --calibration and --calibration-images, got none")


def _export(args: argparse.Namespace, candidate: Candidate, path: Path) -> None:
    """Write a file in the wanted form, and compare it."""
    from mmpose_ext.layers.deploy import switch_to_deploy
    from mmpose_ext.toolbox.export.decoded import DecodedOutputs, decoded_outputs
    from mmpose_ext.toolbox.export.onnx_file import export_onnx
    from mmpose_ext.toolbox.export.sharpose import refine_all, with_early_exit
    from mmpose_ext.toolbox.export.two_stages import TwoStages
    from mmpose_ext.toolbox.inference.weights import quiet_logger
    from mmpose_ext.toolbox.networks import PoseNet

    shape, about = candidate.require_shape(), _about(args, candidate)
    persons, calibrating = _persons(args, about)
    checkpoint = None if args.checkpoint == "none" else args.checkpoint
    reference = candidate.build(checkpoint=checkpoint)
    if args.refine_all:
        refine_all(reference)
    if isinstance(reference, PoseNet) and reference.model.with_head and not args.all_outputs:
        reference = DecodedOutputs(reference, decoded_outputs(reference, shape)).eval()
    with quiet_logger():
        network = with_early_exit(reference if args.plain else switch_to_deploy(copy.deepcopy(reference)))
    report = export_onnx(network, path, shape=shape, exporter=args.exporter, batch=args.batch, reference=reference)
    batch = f"batch size {report.batch}" if report.batch else "any batch size"
    print(
        f"float32: {report.nodes} nodes, {path.stat().st_size / 1e6:.2f} MB, input 3x{shape[0]}x{shape[1]}, {batch}, "
        f"{report.exporter} exporter\n{_difference(report.max_difference)} on random images"
    )
    if isinstance(network, TwoStages):
        print(f"refines persons of a predicted quality below {network.threshold:g}; the input `threshold` changes that")
    _convert(args, about, calibrating, path)
    if not args.as_exported or args.fp16 or args.int8:
        _report_form(args, reference, path, shape, report.batch)
    if persons:
        _report_pictures(args, candidate, reference, path, persons)


def _difference(value: float) -> str:
    return f"largest difference to PyTorch {value:.1e}, relative to the largest output,"


def _about(args: argparse.Namespace, candidate: Candidate) -> dict[str, Any] | None:
    """The description of the file, or None if the config has none for this size."""
    from mmpose_ext.toolbox.inference.description import describable, describe
    from mmpose_ext.toolbox.networks import input_shape

    config = candidate.config
    if config is not None and describable(config) and candidate.shape == input_shape(config):
        return describe(config)
    if args.images or args.int8:
        raise ValueError(
            f"expected a config with test pipeline, decoder and input size {candidate.shape}, got {args.config}"
        )
    print("no description in the file: the config has no test pipeline and decoder for this size")
    return None


def _persons(args: argparse.Namespace, about: Mapping[str, Any] | None) -> tuple[list[Person], list[Person]]:
    """Those to compare on and those to calibrate on."""
    from mmpose_ext.toolbox.export.parity import check_keypoints, load_persons

    compared = load_persons(args.images, args.annotations, limit=args.limit) if args.images else []
    if about:
        check_keypoints(compared, about["meta"]["num_keypoints"])
    if not args.int8:
        return compared, []
    folder, annotations = args.calibration_images or args.images, args.calibration
    if not annotations and folder == args.images:
        annotations = args.annotations
    return compared, load_persons(folder, annotations, limit=args.calibration_limit)


def _convert(
    args: argparse.Namespace, about: Mapping[str, Any] | None, calibrating: Sequence[Person], path: Path
) -> None:
    """Bring the file into the wanted form, with its description."""
    from mmpose_ext.toolbox.export import forms as export_forms
    from mmpose_ext.toolbox.inference.estimators import OnnxEstimator

    if not args.as_exported:
        export_forms.simplify(path)
    if args.fp16:
        export_forms.half(path)
    if args.int8:
        estimator = OnnxEstimator(path, config=args.config)
        export_forms.quantize(path, [estimator.images([person.crop]) for person in calibrating])
        print(f"calibrated on {len(calibrating)} persons")
    if about:
        export_forms.describe_file(path, about)


def _report_form(
    args: argparse.Namespace, reference: nn.Module, path: Path, shape: tuple[int, int], batch: int | None
) -> None:
    from mmpose_ext.toolbox.export import forms as export_forms
    from mmpose_ext.toolbox.export.onnx_file import TOLERANCE, compare_outputs

    name = "float16" if args.fp16 else "int8" if args.int8 else "simplified"
    nodes = sum(export_forms.node_counts(path).values())
    difference = compare_outputs(reference, path, shape=shape, batch=batch)
    print(f"{name}: {nodes} nodes, {path.stat().st_size / 1e6:.2f} MB\n{_difference(difference)} on random images")
    allowed = export_forms.HALF_TOLERANCE if args.fp16 else TOLERANCE
    if difference > allowed and not args.int8:
        raise ValueError(f"expected the outputs of PyTorch within {allowed:g}, got a difference of {difference:g}")


def _report_pictures(
    args: argparse.Namespace, candidate: Candidate, reference: nn.Module, path: Path, persons: list[Person]
) -> None:
    from mmpose_ext.layers.deploy import switch_to_deploy
    from mmpose_ext.toolbox.export.forms import HALF_TOLERANCE
    from mmpose_ext.toolbox.export.onnx_file import TOLERANCE
    from mmpose_ext.toolbox.export.parity import THRESHOLDS, compare, output_difference
    from mmpose_ext.toolbox.export.sharpose import refine_all
    from mmpose_ext.toolbox.inference.estimators import OnnxEstimator, TorchEstimator
    from mmpose_ext.toolbox.inference.weights import quiet_logger

    file = OnnxEstimator(path)
    some = persons[:: -(-len(persons) // 64)]  # the outputs of all would take as long as the key points
    difference = output_difference(reference, file, some)
    print(f"{_difference(difference)} on {len(some)} persons of {args.images}")
    checkpoint = None if args.checkpoint == "none" else args.checkpoint
    network = TorchEstimator(args.config, checkpoint, deploy=False)
    if checkpoint is None:
        network.model.load_state_dict(candidate.build().model.state_dict())  # the same random weights
    if args.refine_all:
        refine_all(network.model)
    with quiet_logger():
        switch_to_deploy(network.model)  # which is faster; the outputs were compared with the form before
    result = compare(network, file, persons)
    print(f"key points at most {result.pixels:.3g} pixels from PyTorch's")
    _print_scores(result, "annotations" if args.annotations else "PyTorch's key points")
    if args.int8:
        return
    allowed = HALF_TOLERANCE if args.fp16 else TOLERANCE
    if difference > allowed:
        raise ValueError(f"expected the outputs of PyTorch within {allowed:g} on {args.images}, got {difference:g}")
    worst = min(result.pck[threshold] - result.reference[threshold] for threshold in THRESHOLDS)
    if worst < -ALLOWED_LOSS and checkpoint:  # random weights find nothing that could be lost
        raise ValueError(f"expected PCK within {ALLOWED_LOSS} of PyTorch's on {args.images}, got {worst:+.2f}")


def _print_scores(result: Comparison, what: str) -> None:
    from mmpose_ext.toolbox.export.parity import THRESHOLDS

    rows = {
        "PyTorch": [f"{result.reference[threshold]:.2f}" for threshold in THRESHOLDS],
        "file": [f"{result.pck[threshold]:.2f}" for threshold in THRESHOLDS],
        "change": [f"{result.pck[threshold] - result.reference[threshold]:+.2f}" for threshold in THRESHOLDS],
    }
    print(f"PCK against {what}, {result.persons} persons, no mirror:")
    print(" " * 8 + "".join(f"{f'@{threshold:g}':>8}" for threshold in THRESHOLDS))
    for name, values in rows.items():
        print(f"{name:<8}" + "".join(f"{value:>8}" for value in values))
