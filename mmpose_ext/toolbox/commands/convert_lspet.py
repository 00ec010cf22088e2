"""Convert Leeds Sports Pose Extended (its folder or zip file) to COCO's and MPII's formats, with a fixed split."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext convert-lspet``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument("archive", type=Path, help="folder or zip file with joints.mat and im00001.jpg ...")
    parser.add_argument("out", type=Path, help="folder to write, missing or empty, e.g. data/lspet")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext convert-lspet``.

    Args:
        args: Parsed arguments.

    Returns:
        0.
    """
    from mmpose_ext.toolbox.leeds.lspet import convert

    counts = convert(args.archive, args.out)
    print(f"{args.out}: {', '.join(f'{name} {count}' for name, count in counts.items())}")
    return 0
