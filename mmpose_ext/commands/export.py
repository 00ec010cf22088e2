"""Export a config and its checkpoint to ONNX; the output is compared with PyTorch's."""

from __future__ import annotations

import argparse
import sys


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
        candidate = load_candidate(args.config, shape=tuple(args.shape) if args.shape else None)
        shape = candidate.require_shape()
        network = candidate.build(checkpoint=None if args.checkpoint == "none" else args.checkpoint)
        if not args.plain:
            switch_to_deploy(network)
        report = export_onnx(network, args.out, shape=shape, exporter=args.exporter, batch=args.batch)
    except (ImportError, ValueError, RuntimeError, FileNotFoundError) as error:
        print(f"mmpose-ext export: {error}", file=sys.stderr)
        return 2
    batch = f"batch size {report.batch}" if report.batch else "any batch size"
    print(f"{report.path}: {report.nodes} nodes, input 3x{shape[0]}x{shape[1]}, {batch}, {report.exporter} exporter")
    print(f"largest difference to PyTorch {report.max_difference:.1e}, relative to the largest output")
    return 0
