"""Export a config and its checkpoint to ONNX; the output is compared with PyTorch's."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmengine.config import Config


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
    parser.add_argument("--simplify", action="store_true", help="fold constants, drop what does nothing")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--fp16", action="store_true", help="compute in half precision")
    form.add_argument("--int8", action="store_true", help="quantise to eight bits, calibrated on --images")
    parser.add_argument("--images", type=Path, metavar="FOLDER", help="compare with PyTorch on these pictures too")
    parser.add_argument("--annotations", type=Path, metavar="COCO.json", help="boxes and key points of --images")
    parser.add_argument("--limit", type=int, default=64, help="persons of --images")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext export``.

    Args:
        args: Parsed arguments.

    Returns:
        0, or 2 if something can't be used or exported.
    """
    from mmpose_ext.analysis.export import export_onnx
    from mmpose_ext.analysis.models import load_candidate
    from mmpose_ext.layers.deploy import switch_to_deploy

    try:
        if args.int8 and args.images is None:
            raise ValueError("expected --images FOLDER for the calibration of --int8, got none")
        if args.annotations and args.images is None:
            raise ValueError("expected --images FOLDER beside --annotations, got none")
        candidate = load_candidate(args.config, shape=tuple(args.shape) if args.shape else None)
        shape = candidate.require_shape()
        network = candidate.build(checkpoint=None if args.checkpoint == "none" else args.checkpoint)
        if not args.plain:
            switch_to_deploy(network)
        report = export_onnx(network, args.out, shape=shape, exporter=args.exporter, batch=args.batch)
        batch = f"batch size {report.batch}" if report.batch else "any batch size"
        print(
            f"{report.path}: {report.nodes} nodes, input 3x{shape[0]}x{shape[1]}, {batch}, {report.exporter} exporter"
        )
        print(f"largest difference to PyTorch {report.max_difference:.1e}, relative to the largest output")
        if candidate.config is None:
            if args.simplify or args.fp16 or args.int8 or args.images:
                raise ValueError(f"expected a config for --simplify, --fp16, --int8 and --images, got {args.config}")
            return 0
        return _finish(args, candidate.config, Path(report.path))
    except (ImportError, ValueError, RuntimeError, FileNotFoundError) as error:
        print(f"mmpose-ext export: {error}", file=sys.stderr)
        return 2


def _finish(args: argparse.Namespace, config: Config, path: Path) -> int:
    """Describe, convert and compare a file; it is removed where the comparison fails."""
    from mmpose_ext.analysis import export_forms
    from mmpose_ext.analysis.models import input_shape
    from mmpose_ext.inference.estimators import OnnxEstimator, TorchEstimator, describable, describe
    from mmpose_ext.inference.parity import compare, load_persons

    if not describable(config) or (args.shape and tuple(args.shape) != input_shape(config)):
        print("no description in the file: the config has no test pipeline and decoder for this size")
        return 0
    persons = load_persons(args.images, args.annotations, limit=args.limit) if args.images else []
    about = describe(config)
    export_forms.describe_file(path, about)
    before = sum(export_forms.node_counts(path).values())
    if args.simplify or args.int8:
        export_forms.simplify(path)
    if args.fp16:
        export_forms.half(path)
    if args.int8:
        calibrating = OnnxEstimator(path)
        export_forms.quantize(path, [calibrating.images([person.crop]) for person in persons])
    if args.simplify or args.fp16 or args.int8:
        export_forms.describe_file(path, about)
        nodes = sum(export_forms.node_counts(path).values())
        print(f"{nodes} nodes (before: {before}), {path.stat().st_size / 1e6:.2f} MB")
    if not persons:
        return 0
    checkpoint = None if args.checkpoint == "none" else args.checkpoint
    result = compare(TorchEstimator(args.config, checkpoint), OnnxEstimator(path), persons)
    what = "annotations" if args.annotations else "PyTorch's key points"
    print(f"{result.persons} persons: key points at most {result.pixels:.3g} pixels from PyTorch's")
    change = result.pck - result.reference
    print(f"PCK@0.05 against {what}: {result.pck:.2f}, PyTorch {result.reference:.2f} ({change:+.2f})")
    if not args.int8 and change < -0.5:
        path.unlink()
        raise ValueError(f"expected PCK within 0.5 of PyTorch's on {args.images}, got {change:+.2f}")
    return 0
