"""Find poses in images, folders, videos or a camera; pictures and one COCO-style JSON file come out.

Example: mmpose-ext infer photos/ --model xhrnet-18 --checkpoint best.pth --detector rtmdet-m
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mmpose_ext.toolbox.inference.estimators import Estimator
    from mmpose_ext.toolbox.inference.frames import Source
    from mmpose_ext.toolbox.inference.persons import Finder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext infer``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument("inputs", nargs="+", metavar="PATH", help="image, folder, video, webcam or webcam:NUMBER")
    parser.add_argument("--model", required=True, help="alias, config, or an ONNX file of mmpose-ext export")
    parser.add_argument("--checkpoint", help="weights of --model; `none` for random ones; not for an ONNX file")
    parser.add_argument("--config", help="config of an ONNX file that has no description of its own")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--boxes", type=Path, help="JSON: COCO's format, or {file name: [[x, y, width, height], ...]}")
    where.add_argument(
        "--detector", help="detector of MMDetection, e.g. rtmdet-m; without it all of a picture is a person"
    )
    parser.add_argument("--detector-weights", help="checkpoint of the detector; that of an alias is downloaded without")
    parser.add_argument("--box-threshold", type=float, default=0.3, help="lowest score of a box")
    parser.add_argument("--keypoint-threshold", type=float, default=0.3, help="lowest score of a key point drawn")
    parser.add_argument("--batch", type=int, default=8, help="persons in a batch")
    parser.add_argument("--flip", action="store_true", help="look a second time in a mirror, as tests do")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--limit", type=int, help="stop after so many pictures")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/infer"), help="folder for pictures and JSON")
    parser.add_argument("--no-pictures", action="store_true", help="write the JSON file only")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext infer``.

    Args:
        args: Parsed arguments.

    Returns:
        0; 1 if some pictures can't be read, which are named while the others go on; 2 if nothing can be read or
        something else is wrong. What was found until then is written.
    """
    import torch

    from mmpose_ext.toolbox.inference.frames import find_sources

    if args.threads:
        torch.set_num_threads(args.threads)
    try:
        sources = find_sources(args.inputs)
        estimator, finder = _estimator(args), _finder(args)
        done = _loop(args, sources, finder, estimator)
    except (ValueError, OSError, ImportError) as error:
        print(f"mmpose-ext infer: {error}", file=sys.stderr)
        return 2
    print(f"{done.persons} persons in {done.pictures} pictures: {args.out / 'predictions.json'}{_remarks(args, done)}")
    return (1 if done.pictures else 2) if done.unreadable else 0


class Done(NamedTuple):
    """What a run has seen."""

    persons: int
    pictures: int
    unreadable: int
    """Files without a picture."""
    complete: bool
    """Whether nobody stopped it."""


def _remarks(args: argparse.Namespace, done: Done) -> str:
    remarks = [] if done.complete else ["stopped"]
    if done.unreadable:
        remarks.append(f"{done.unreadable} can't be read")
    if args.checkpoint == "none":
        remarks.append("random weights: the key points mean nothing")
    return f" ({'; '.join(remarks)})" if remarks else ""


def _finder(args: argparse.Namespace) -> Finder:
    from mmpose_ext.toolbox.inference.persons import Detector, GivenBoxes, whole_image

    if args.boxes:
        return GivenBoxes(args.boxes, threshold=args.box_threshold)
    if args.detector:
        return Detector(args.detector, weights=args.detector_weights, device=args.device, threshold=args.box_threshold)
    return whole_image


def _estimator(args: argparse.Namespace) -> Estimator:
    from mmpose_ext.toolbox.inference.estimators import OnnxEstimator, TorchEstimator

    if args.model.endswith(".onnx"):
        if args.checkpoint:
            raise ValueError(f"expected no --checkpoint with an ONNX file, got {args.checkpoint}")
        if not Path(args.model).is_file():
            raise ValueError(f"expected an ONNX file, got {args.model}, which does not exist")
        return OnnxEstimator(Path(args.model), config=args.config, threads=args.threads, device=args.device)
    if args.checkpoint is None:
        raise ValueError(f"expected --checkpoint FILE with {args.model} (`none` for random weights), got none")
    if args.checkpoint != "none" and not Path(args.checkpoint).is_file():
        raise ValueError(f"expected a checkpoint, got {args.checkpoint}, which does not exist")
    checkpoint = None if args.checkpoint == "none" else args.checkpoint
    return TorchEstimator(args.model, checkpoint, device=args.device, flip=args.flip)


def _loop(args: argparse.Namespace, sources: list[Source], finder: Finder, estimator: Estimator) -> Done:
    from tqdm import tqdm

    from mmpose_ext.toolbox.inference.frames import read
    from mmpose_ext.toolbox.inference.loop import estimate
    from mmpose_ext.toolbox.inference.results import JsonWriter, Painter, PictureWriter

    counts = [source.count() for source in sources]
    total = None if None in counts else sum(filter(None, counts))
    if args.limit is not None and (total is None or args.limit < total):
        total = args.limit
    painter = Painter(estimator.meta, threshold=args.keypoint_threshold, boxes=finder.__class__.__name__ != "function")
    info = {"model": args.model, "checkpoint": args.checkpoint}
    content, unreadable, complete = JsonWriter(estimator.meta, info=info), list[str](), True

    def report(message: str) -> None:
        unreadable.append(message)
        tqdm.write(f"mmpose-ext infer: {message}", file=sys.stderr)

    found = estimate(read(sources, limit=args.limit, unreadable=report), finder, estimator, batch=args.batch)
    try:
        with PictureWriter(args.out) as pictures, tqdm(found, total=total, unit="img", disable=None) as progress:
            for frame, boxes, poses in progress:
                content.add(frame, boxes, poses)
                if not args.no_pictures:
                    pictures.add(frame, painter(frame.image, boxes, poses))
                progress.set_postfix(persons=len(content.content["annotations"]), refresh=False)
    except KeyboardInterrupt:  # the way to stop a camera
        complete = False
    finally:
        content.write(args.out / "predictions.json")
    return Done(len(content.content["annotations"]), len(content.content["images"]), len(unreadable), complete)
