"""Convert Leeds Sports Poses (its folder or zip file) to COCO's format, with the published split."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext convert-lsp``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument("archive", type=Path, help="folder or zip file with joints.mat and im0001.jpg ...")
    parser.add_argument("out", type=Path, help="folder to write, missing or empty, e.g. data/lsp")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext convert-lsp``.

    Args:
        args: Parsed arguments.

    Returns:
        0, or 2 if the archive or the folder can't be used.
    """
    from mmpose_ext.toolbox.leeds.lsp import convert

    try:
        counts = convert(args.archive, args.out)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"mmpose-ext convert-lsp: {error}\n")
        return 2
    sys.stdout.write(f"{args.out}: {', '.join(f'{name} {count}' for name, count in counts.items())}\n")
    return 0
