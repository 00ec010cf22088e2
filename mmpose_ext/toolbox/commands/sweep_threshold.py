"""Find a quality threshold: accuracy, share of refined samples and speed of a SHaRPose over Q_thres."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from mmpose_ext.toolbox.commands.arguments import (
    CONFIG,
    WEIGHTS,
    add_cfg_options,
    add_device,
    cfg_options,
    checkpoint_path,
    positive,
    require_config,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext sweep-threshold``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument("config", metavar="CONFIG", help=f"{CONFIG}; its test set is used")
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help=WEIGHTS)
    text = "values to try; by default, values that refine evenly spaced shares of the samples"
    parser.add_argument("--thresholds", nargs="+", type=float, metavar="Q", help=text)
    parser.add_argument("--number", type=positive, default=9, help="number of thresholds if none are given, 2 or more")
    parser.add_argument("--metric", help="metric to plot; by default the first one of the config")
    parser.add_argument("--batch", type=positive, help="batch size in place of the config's")
    parser.add_argument("--limit", type=positive, help="stop after this number of batches")
    parser.add_argument("--rounds", type=int, default=5, help="speed measurements per threshold, 0 for no speed")
    parser.add_argument("--threads", type=positive, help="CPU threads of PyTorch")
    add_device(parser)
    add_cfg_options(parser)
    out = Path("work_dirs/sweep-threshold")
    parser.add_argument("--out", type=Path, default=out, help="folder for the JSON file and the plot")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext sweep-threshold``.

    Args:
        args: Parsed arguments.

    Returns:
        0.
    """
    require_config(args.config)
    checkpoint = checkpoint_path(args.checkpoint)
    from mmpose_ext.toolbox.studies.threshold import sweep_threshold

    names = ("thresholds", "number", "metric", "batch", "limit", "rounds", "threads", "device", "out")
    options = {name: getattr(args, name) for name in names}
    options |= dict(cfg_options=cfg_options(args.cfg_options), command=shlex.join(["mmpose-ext", *sys.argv[1:]]))
    sweep = sweep_threshold(args.config, checkpoint, **options)
    print(sweep.table())
    print(f"{sweep.json} and .png hold the figures and a plot")
    return 0
