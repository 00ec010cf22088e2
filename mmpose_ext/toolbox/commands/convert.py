"""Rewrite an official checkpoint in the keys of this package."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmpose_ext.toolbox.commands.arguments import positive, require_checkpoint

PAPERS = ("sharpose", "ssn", "vit", "xhrnet")
"""Those that have a converter. Written out, because :mod:`mmpose_ext.convert` imports torch."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext convert``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument("paper", choices=PAPERS, help="paper of the checkpoint, or vit for a ViT")
    parser.add_argument("checkpoint", help="official checkpoint")
    parser.add_argument("out", type=Path, help="file to write, for load_from or --checkpoint")
    parser.add_argument(
        "--shape",
        type=positive,
        nargs=2,
        metavar=("H", "W"),
        help="height and width of the images an X-HRNet was trained on, e.g. 256 192; without it the averaging "
        "vectors keep their official length, for a config with fixed_averaging=(96, 72)",
    )


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext convert``.

    Args:
        args: Parsed arguments.

    Returns:
        0.
    """
    checkpoint = require_checkpoint(args.checkpoint)
    from mmpose_ext.toolbox.conversion import convert_checkpoint

    written = convert_checkpoint(checkpoint, args.out, paper=args.paper, shape=args.shape and tuple(args.shape))
    print(f"{written.tensors} tensors written to {written.path}")
    return 0
