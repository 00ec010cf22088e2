"""Rewrite an official checkpoint in the keys of this package."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmpose_ext.convert import CONVERTERS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("paper", choices=sorted(CONVERTERS), help="whose checkpoint it is")
    parser.add_argument("checkpoint", type=Path, help="official checkpoint")
    parser.add_argument("out", type=Path, help="file to write, for load_from or --checkpoint")
    parser.add_argument(
        "--input-size",
        type=int,
        nargs=2,
        metavar=("W", "H"),
        help="width and height of the images it was trained on, e.g. 192 256; without it the averaging vectors keep "
        "their official length, for a config with fixed_averaging=(96, 72)",
    )


def run(args: argparse.Namespace) -> int:
    """Convert one file; the source is loaded with ``weights_only`` and stays as it is."""
    import torch

    from mmpose_ext.compat import checkpoint as checkpoints

    if not args.checkpoint.is_file():
        sys.exit(f"mmpose-ext convert: there is no file {args.checkpoint}")
    if args.out.exists():
        sys.exit(f"mmpose-ext convert: {args.out} exists already; choose another name")
    checkpoint = checkpoints.load(args.checkpoint)
    state_dict = checkpoint.get("state_dict", checkpoint)
    try:
        converted = CONVERTERS[args.paper](state_dict, input_size=args.input_size)
    except ValueError as error:
        sys.exit(f"mmpose-ext convert: {args.checkpoint}: {error}")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": converted, "meta": {"converted_from": args.checkpoint.name}}, args.out)
    sys.stdout.write(f"{len(converted)} tensors written to {args.out}\n")
    return 0
