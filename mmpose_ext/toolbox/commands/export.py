"""Export a config and its checkpoint to ONNX or OpenVINO; the file is compared with PyTorch before it appears.

Example: mmpose-ext export xhrnet-18-lsp out.onnx, or with a network of your own:
mmpose-ext export xhrnet-18 best.pth xhrnet.onnx --images photos/ --annotations photos.json
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmpose_ext.toolbox.commands.arguments import NETWORK, WEIGHTS, add_shape, checkpoint_path, require_config
from mmpose_ext.toolbox.export.options import EXPORTERS, ExportOptions, check_path

_OPTIONS = (
    *("exporter", "batch", "form", "plain", "all_outputs", "refine_all", "as_exported", "images", "annotations"),
    *("limit", "calibration", "calibration_images", "calibration_limit"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext export``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument("config", metavar="CONFIG", help=NETWORK)
    text = f"{WEIGHTS}; may be left out if the weights of CONFIG come with the package"
    parser.add_argument("checkpoint", nargs="?", metavar="CHECKPOINT", help=text)
    parser.add_argument("out", metavar="OUT", type=Path, help="file to write: .onnx, or .xml for OpenVINO")
    add_shape(parser)
    text = "which of PyTorch's two exporters; auto tries torchscript, which is faster, then dynamo"
    parser.add_argument("--exporter", choices=EXPORTERS, default="auto", help=text)
    parser.add_argument("--batch", type=int, help="fix the batch size; by default any size runs")
    parser.add_argument("--plain", action="store_true", help="export the training form, not the deployed one")
    parser.add_argument("--all-outputs", action="store_true", help="also keep the outputs that are not decoded")
    parser.add_argument("--refine-all", action="store_true", help="SHaRPose: refine every pose, ignore the threshold")
    parser.add_argument("--as-exported", action="store_true", help="do not fold constants or remove unused nodes")
    form = parser.add_mutually_exclusive_group()
    half, eight = "compute in half precision", "quantize to eight bits, see --calibration"
    form.add_argument("--fp16", dest="form", action="store_const", const="float16", default="float32", help=half)
    brain = "OpenVINO: compute in bfloat16"
    form.add_argument("--bf16", dest="form", action="store_const", const="bfloat16", help=brain)
    form.add_argument("--int8", dest="form", action="store_const", const="int8", default="float32", help=eight)
    compared = parser.add_argument_group("comparison on real images")
    compared.add_argument("--images", type=Path, metavar="FOLDER", help="also compare with PyTorch on these images")
    compared.add_argument("--annotations", type=Path, metavar="COCO.json", help="boxes and keypoints of --images")
    compared.add_argument("--limit", type=int, default=64, help="number of persons to compare on")
    ranges = parser.add_argument_group("calibration of --int8")
    ranges.add_argument("--calibration", type=Path, metavar="COCO.json", help="persons other than those compared on")
    ranges.add_argument("--calibration-images", type=Path, metavar="FOLDER", help="their images, if not in --images")
    ranges.add_argument("--calibration-limit", type=int, default=256, help="number of persons to calibrate on")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext export``.

    Args:
        args: Parsed arguments.

    Returns:
        0.
    """
    options = ExportOptions(shape=args.shape and tuple(args.shape), **{name: getattr(args, name) for name in _OPTIONS})
    check_path(args.out, args.form)
    require_config(args.config)
    checkpoint = checkpoint_path(args.checkpoint, config=args.config)
    from mmpose_ext.toolbox.export.exporting import export

    print(export(args.config, checkpoint, args.out, options=options).text())
    print(args.out)
    return 0
