"""Serve a web page that finds poses: upload an image, choose a network, see the pose and what the network looks at.

Example: mmpose-ext demo, or with a network of your own: mmpose-ext demo --model xhrnet-18 --checkpoint best.pth
"""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from mmpose_ext.toolbox.commands.arguments import add_device, require_checkpoint, require_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext demo``.

    Args:
        parser: The parser of this command.
    """
    from mmpose_ext.weights import DEFAULT

    parser.add_argument("--model", default=DEFAULT, help="alias or config that is selected first")
    parser.add_argument("--checkpoint", type=Path, help="weights of --model, if they do not come with the package")
    parser.add_argument("--detector", help="detector of MMDetection, e.g. rtmdet-m; needs --detector-weights")
    parser.add_argument("--detector-weights", help="checkpoint of the detector")
    parser.add_argument("--box-threshold", type=float, default=0.3, help="lowest score of a person box")
    add_device(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 for all of this machine's")
    parser.add_argument("--port", type=int, help="port; by default the first free one from 7860")
    parser.add_argument(
        "--public-address",
        default="",
        metavar="URL",
        help="address of the page at a reverse proxy, e.g. https://example.org/pose; the proxy removes the path",
    )
    parser.add_argument(
        "--allow-paths",
        action="store_true",
        help="let the page name configs and checkpoints on this machine; a config is a program",
    )
    parser.add_argument("--share", action="store_true", help="open a tunnel through Gradio's servers")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext demo`` until Ctrl-C or a signal to terminate.

    Args:
        args: Parsed arguments.

    Returns:
        0.
    """
    require_config(args.model)
    if args.checkpoint is not None:
        require_checkpoint(str(args.checkpoint))
    options = {name: value for name, value in vars(args).items() if name not in {"command", "run"}}
    try:
        with _interruptible():
            from mmpose_ext.toolbox.demo.server import serve

            with serve(**options) as address:
                print(f"{address}\nOpen this address in a browser. Ctrl-C stops the demo.", flush=True)
                threading.Event().wait()
    except KeyboardInterrupt:
        pass
    return 0


@contextmanager
def _interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt at the first signal and ignore later ones, so that files are removed in every case."""
    signals = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

    def interrupt(number: int, frame: FrameType | None) -> None:
        for one in before:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {one: signal.getsignal(one) for one in signals if signal.getsignal(one) != signal.SIG_IGN}  # nohup
    for one in before:
        signal.signal(one, interrupt)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
