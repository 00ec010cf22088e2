"""Rewrite an official checkpoint in the keys of this package."""

from __future__ import annotations

import argparse
import inspect
import pickle
import sys
from pathlib import Path

PAPERS = ("sharpose", "ssn", "vit", "xhrnet")
"""Those that have a converter. Written out, because :mod:`mmpose_ext.convert` imports torch."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("paper", choices=PAPERS, help="whose checkpoint it is")
    parser.add_argument("checkpoint", type=Path, help="official checkpoint")
    parser.add_argument("out", type=Path, help="file to write, for load_from or --checkpoint")
    parser.add_argument(
        "--shape",
        type=int,
        nargs=2,
        metavar=("H", "W"),
        help="height and width of the images an X-HRNet was trained on, e.g. 256 192; without it the averaging "
        "vectors keep their official length, for a config with fixed_averaging=(96, 72)",
    )


def run(args: argparse.Namespace) -> int:
    """Convert one file; the source is loaded with ``weights_only`` and stays as it is."""
    import torch

    from mmpose_ext.compat import checkpoint as checkpoints
    from mmpose_ext.convert import CONVERTERS

    if not args.checkpoint.is_file():
        sys.exit(f"mmpose-ext convert: there is no file {args.checkpoint}")
    if args.out.exists():
        sys.exit(f"mmpose-ext convert: {args.out} exists already; choose another name")
    options = {} if args.shape is None else {"input_size": (args.shape[1], args.shape[0])}
    unknown = options.keys() - inspect.signature(CONVERTERS[args.paper]).parameters
    if unknown:
        sys.exit(f"mmpose-ext convert: checkpoints of {args.paper} need no --shape")
    try:
        checkpoint = checkpoints.load(args.checkpoint)
        state_dict = checkpoint.get("state_dict", checkpoint) if isinstance(checkpoint, dict) else {}
        converted = CONVERTERS[args.paper](state_dict, **options)
    except (ValueError, OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        sys.exit(f"mmpose-ext convert: {args.checkpoint}: {error}")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": converted, "meta": {"converted_from": args.checkpoint.name}}, args.out)
    sys.stdout.write(f"{len(converted)} tensors written to {args.out}\n")
    return 0
