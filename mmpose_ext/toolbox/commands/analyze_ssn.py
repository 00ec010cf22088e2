"""What the feature shifting modules of an SSN have learned: Figures 5 to 7 of the paper for any checkpoint."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmpose_ext.toolbox.commands.arguments import (
    CONFIG,
    WEIGHTS,
    HelpFormatter,
    checkpoint_path,
    positive,
    require_config,
    require_paths,
)

OUT = Path("work_dirs/analyze-ssn")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext analyze-ssn``.

    Args:
        parser: The parser of this command.
    """
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("config", metavar="CONFIG", help=CONFIG)
    common.add_argument("--out", type=Path, default=OUT, help="folder for plots and numbers")
    common.add_argument("--fsm", type=positive, default=3, help="number of the module, from 1 (not for offsets)")
    data = argparse.ArgumentParser(add_help=False)
    data.add_argument("--predictor", help="predictor whose heatmaps count; by default the first of the network")
    data.add_argument("--threshold", type=float, default=0.5, help="score from which a channel counts")
    data.add_argument("--samples", type=positive, default=64, help="number of persons of the test set")

    def add(name: str, text: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        return kinds.add_parser(name, help=text, description=text, parents=parents, formatter_class=HelpFormatter)

    offsets = add("offsets", "learned offsets of all modules (Figure 5)", common)
    offsets.add_argument("checkpoints", nargs="+", metavar="CHECKPOINT", help=f"{WEIGHTS}; one row of plots for each")
    for name, text in (
        ("scores", "offsets that matter for each keypoint (Figure 5c, supplement 1)"),
        ("channels", "number of channels that matter for each keypoint (Figure 6)"),
    ):
        add(name, text, common, data).add_argument("checkpoint", metavar="CHECKPOINT", help=WEIGHTS)
    field = add("receptive-field", "effective receptive fields and window positions on images (Figure 7)", common)
    field.add_argument("checkpoint", metavar="CHECKPOINT", help=WEIGHTS)
    field.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="images of one person each, or see --box")
    field.add_argument("--box", nargs=4, type=float, metavar=("X", "Y", "W", "H"), help="the person in every image")
    field.add_argument("--channel", type=int, help="non-local map to draw; by default the one that varies most")
    text = "pixel of the crop, may be repeated; by default the peaks of the map"
    field.add_argument("--point", nargs=2, type=int, action="append", metavar=("X", "Y"), help=text)


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext analyze-ssn``.

    Args:
        args: Parsed arguments.

    Returns:
        0.
    """
    require_config(args.config)
    checkpoints = [checkpoint_path(one) for one in getattr(args, "checkpoints", None) or [args.checkpoint]]
    require_paths(getattr(args, "images", ()), expected="an image")
    from mmpose_ext.toolbox.visualization import ssn_analysis as ssn

    if args.kind == "offsets":
        result = ssn.analyze_offsets(args.config, checkpoints, out=args.out)
    elif args.kind == "receptive-field":
        options = dict(fsm=args.fsm, box=args.box, channel=args.channel, points=args.point, out=args.out)
        result = ssn.analyze_receptive_fields(args.config, checkpoints[0], args.images, **options)
    else:
        analyze = ssn.analyze_scores if args.kind == "scores" else ssn.analyze_channels
        options = {name: getattr(args, name) for name in ("fsm", "predictor", "threshold", "samples", "out")}
        result = analyze(args.config, checkpoints[0], **options)
    print("\n".join(map(str, [*result.files, *result.notes])))
    return 0
