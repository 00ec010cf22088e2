"""Find poses in images, folders, videos or a camera; images and one COCO-style JSON file come out.

Example: mmpose-ext infer photo.jpg, or with a network of your own:
mmpose-ext infer photos/ --model xhrnet-18 --checkpoint best.pth --detector rtmdet-m
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmpose_ext.toolbox.commands.arguments import add_device, require_checkpoint, require_config, require_paths
from mmpose_ext.weights import DEFAULT


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext infer``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument("paths", nargs="+", metavar="PATH", help="image, folder, video, webcam or webcam:NUMBER")
    parser.add_argument("--model", default=DEFAULT, help="alias, config, or an ONNX file of mmpose-ext export")
    parser.add_argument(
        "--checkpoint", help='weights of --model, if they do not come with the package; "none" for random ones'
    )
    parser.add_argument("--config", help="config of an ONNX file that has no description of its own")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--boxes", type=Path, help="JSON: COCO's format, or {file name: [[x, y, width, height], ...]}")
    where.add_argument("--detector", help="detector of MMDetection, e.g. rtmdet-m; without it each image is one person")
    parser.add_argument("--detector-weights", help="checkpoint of the detector, if not that of the alias")
    parser.add_argument("--box-threshold", type=float, default=0.3, help="lowest score of a box")
    parser.add_argument("--keypoint-threshold", type=float, default=0.3, help="lowest score of a keypoint drawn")
    parser.add_argument("--batch", type=int, default=8, help="persons in a batch")
    parser.add_argument("--flip", action="store_true", help="average with the mirror image, as tests do")
    add_device(parser)
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--limit", type=int, help="stop after so many images")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/infer"), help="folder for images and JSON")
    parser.add_argument("--no-images", action="store_true", help="write the JSON file only")
    parser.add_argument("--no-pictures", dest="no_images", action="store_true", help=argparse.SUPPRESS)  # the old name


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext infer``.

    Args:
        args: Parsed arguments.

    Returns:
        0; 2 if something can't be read, which is named on stderr while the rest goes on; 130 after Control-C, unless
        that is how a camera was ended.
    """
    _check(args)
    from tqdm import tqdm

    from mmpose_ext.toolbox.inference.run import RANDOM_WEIGHTS, infer

    options = {key: value for key, value in vars(args).items() if key not in ("command", "run", "no_images")}
    report = infer(
        **options,
        draw=not args.no_images,
        on_unreadable=lambda text: tqdm.write(f"mmpose-ext infer: {text}", file=sys.stderr),
        progress=True,
    )
    remarks = ["stopped"] if report.stopped else []
    if report.unreadable:
        remarks.append(f"{len(report.unreadable)} can't be read")
    if args.checkpoint == RANDOM_WEIGHTS:
        remarks.append("random weights: the keypoints mean nothing")
    counts = f"{_count(report.persons, 'person')} in {_count(report.images, 'image')}"
    print(f"{counts}: {report.predictions}" + (f" ({'; '.join(remarks)})" if remarks else ""))
    if report.stopped:
        print("mmpose-ext infer: stopped", file=sys.stderr)
    return 2 if report.unreadable else 130 if report.stopped else 0


def _check(args: argparse.Namespace) -> None:
    """Refuse what can be seen to be wrong before anything heavy is imported."""
    if args.model.endswith((".onnx", ".xml")):
        if args.checkpoint is None:
            require_paths([args.model], expected="an ONNX file" if args.model.endswith(".onnx") else "an OpenVINO file")
    else:
        require_config(args.model)
        if args.checkpoint not in (None, "none"):
            require_checkpoint(args.checkpoint)
    if len(args.paths) == 1 and not args.paths[0].startswith("webcam"):  # of several, the others are done
        require_paths(args.paths, expected="an image, a video, a folder or webcam")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
