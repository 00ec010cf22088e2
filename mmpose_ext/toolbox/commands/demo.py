"""Serve a page for the browser: upload a picture, choose a network, see the pose and what the network looks at.

Example: mmpose-ext demo --model xhrnet-18 --checkpoint best.pth
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmpose_ext.toolbox.demo import Studio


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext demo``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument("--model", default="xhrnet-18", help="alias or config that the page starts with")
    parser.add_argument("--checkpoint", type=Path, help="weights of --model; the page takes others too")
    parser.add_argument("--detector", help="detector of MMDetection, e.g. rtmdet-m; needs --detector-weights")
    parser.add_argument("--detector-weights", help="checkpoint of the detector")
    parser.add_argument("--box-threshold", type=float, default=0.3, help="lowest score of a person")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; whoever reaches it can use the page, and paths and configs are then refused there",
    )
    parser.add_argument("--port", type=int, help="port; the first free one from 7860 on without this")
    parser.add_argument("--share", action="store_true", help="a public address by a tunnel of Gradio's servers")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext demo`` until Control-C.

    Args:
        args: Parsed arguments.

    Returns:
        0, or 2 if something can't be used.
    """
    from mmpose_ext.toolbox.demo.server import require_gradio, serve

    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    try:
        require_gradio()
        studio = _studio(args)
        options: dict[str, Any] = dict(model=args.model, checkpoint=args.checkpoint, detector=args.detector)
        with serve(studio, **options, host=args.host, port=args.port, share=args.share) as address:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, stop)
            print(f"{address} (Control-C ends it)", flush=True)
            stopped.wait()
    except (ValueError, OSError, ImportError) as error:
        print(f"mmpose-ext demo: {error}", file=sys.stderr)
        return 2
    return 0


def _studio(args: argparse.Namespace) -> Studio:
    """The networks of the page, after a look at what was named."""
    from mmpose_ext.toolbox.catalogue.configs import find_config
    from mmpose_ext.toolbox.demo import Studio
    from mmpose_ext.toolbox.inference import Detector

    find_config(args.model)
    if args.checkpoint and not args.checkpoint.is_file():
        raise ValueError(f"expected a checkpoint, got {args.checkpoint}, which does not exist")
    if bool(args.detector) != bool(args.detector_weights):
        raise ValueError("expected both --detector and --detector-weights, or neither")
    detector = None
    if args.detector:
        options: dict[str, Any] = dict(weights=args.detector_weights, device=args.device, threshold=args.box_threshold)
        detector = Detector(args.detector, **options)
    return Studio(device=args.device, detector=detector)
