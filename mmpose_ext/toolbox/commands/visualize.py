"""Draw what a network looks at over images: attention, selected patches, windows, depending on its paper."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmpose_ext.toolbox.commands.arguments import (
    CONFIG,
    WEIGHTS,
    add_persons,
    checkpoint_path,
    require_config,
    require_paths,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext visualize``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument("config", metavar="CONFIG", help=CONFIG)
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help=WEIGHTS)
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="images or folders of images")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/visualize"), help="folder for the images")
    add_persons(parser)


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext visualize``.

    Args:
        args: Parsed arguments.

    Returns:
        0.
    """
    require_config(args.config)
    checkpoint = checkpoint_path(args.checkpoint)
    require_paths(args.images, expected="an image or a folder")
    from mmpose_ext.toolbox.visualization.visualize import visualize

    options = dict(boxes=args.box, annotations=args.annotations, limit=args.limit, out=args.out)
    visualize(args.config, checkpoint, args.images, written=print, **options)
    return 0
