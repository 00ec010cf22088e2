"""Render a set of synthetic persons (17 COCO keypoints) into JPEG files and COCO JSON.

The same settings give the same bytes, whatever the number of workers. An existing set with the same settings is
kept; any other content of the folder is an error.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmpose_ext.toolbox.commands.arguments import positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext synthetic``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument("out", type=Path, help="folder to write, missing or empty")
    parser.add_argument("--persons", type=positive, default=2000, help="number of annotated persons")
    parser.add_argument("--seed", type=int, default=0, help="seed of all random choices")
    parser.add_argument("--workers", type=int, default=None, help="processes; one for each CPU without this")
    parser.add_argument("--preview", type=Path, default=None, help="also write a sheet of labeled samples to this file")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext synthetic``.

    Args:
        args: Parsed arguments.

    Returns:
        0.
    """
    from mmpose_ext.datasets.synthetic.preview import write_preview
    from mmpose_ext.datasets.synthetic.writer import Settings, ensure_dataset

    new = ensure_dataset(args.out, Settings(num_persons=args.persons, seed=args.seed), workers=args.workers)
    if args.preview is not None:
        write_preview(args.out, args.preview)
    print(f"{args.out}: {args.persons} person{'s' * (args.persons != 1)}, {'rendered' if new else 'already there'}")
    return 0
