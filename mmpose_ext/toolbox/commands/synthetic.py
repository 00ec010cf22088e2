"""Render a set of synthetic persons (17 COCO key points) into JPEG files and COCO JSON.

The same settings give the same bytes, whatever the number of workers. An existing set with the same settings is
kept; any other content of the folder is an error.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("out", type=Path, help="folder to write, missing or empty")
    parser.add_argument("--persons", type=int, default=2000, help="number of annotated persons")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything drawn")
    parser.add_argument("--workers", type=int, default=None, help="processes (None: one for each CPU)")
    parser.add_argument("--preview", type=Path, default=None, help="also write a sheet of labelled samples here")


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Args:
        args: Parsed arguments.

    Returns:
        Exit status.
    """
    from mmpose_ext.datasets.synthetic.writer import Settings, ensure_dataset

    try:
        new = ensure_dataset(args.out, Settings(num_persons=args.persons, seed=args.seed), workers=args.workers)
        if args.preview is not None:
            from mmpose_ext.datasets.synthetic.preview import write_preview

            write_preview(args.out, args.preview)
    except ValueError as error:
        sys.stderr.write(f"mmpose-ext synthetic: {error}\n")
        return 2
    sys.stdout.write(f"{args.out}: {args.persons} persons, {'rendered' if new else 'already there'}\n")
    return 0
