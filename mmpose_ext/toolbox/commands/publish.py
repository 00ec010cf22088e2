"""Make a folder to hand on from a training checkpoint: weights (safetensors, .pth), config, metadata, model card.

Example: mmpose-ext publish xhrnet-18 work_dirs/mine/best_coco_AP_epoch_210.pth --license Apache-2.0
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmpose_ext.toolbox.commands.arguments import CONFIG, require_checkpoint, require_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext publish``.

    Args:
        parser: The parser of this command.
    """
    text = f"{CONFIG}; if left out, the config in the checkpoint, or the one beside it"
    parser.add_argument("config", nargs="?", metavar="CONFIG", help=text)
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="training checkpoint")
    parser.add_argument(
        "--weights",
        choices=["ema", "plain"],
        help="moving average or weights as trained; by default ema, if any",
    )
    parser.add_argument(
        "--format", nargs="+", choices=["safetensors", "pth"], default=["safetensors", "pth"], help="files to write"
    )
    parser.add_argument("--out", type=Path, default=Path("work_dirs/published"), help="where to make the folder")
    parser.add_argument("--name", help="first part of all file names; by default the config's name")
    parser.add_argument(
        "--results", nargs="+", type=Path, default=[], metavar="JSON", help="results of reproduce for this checkpoint"
    )
    parser.add_argument("--hardware", help="what the training log was measured on, for the model card")
    parser.add_argument("--license", help="license of the weights, for the model card, e.g. Apache-2.0")
    parser.add_argument("--licence", dest="license", default=argparse.SUPPRESS, help=argparse.SUPPRESS)  # the old name


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext publish``.

    Args:
        args: Parsed arguments.

    Returns:
        0.
    """
    checkpoint = require_checkpoint(args.checkpoint)
    if args.config is not None:
        require_config(args.config)
    from mmpose_ext.toolbox.publishing import absolute_paths, publish

    options = {key: getattr(args, key) for key in ("out", "name", "weights", "results", "hardware", "license")}
    folder, info, resolved, has_ema = publish(checkpoint, args.config, formats=args.format, **options)
    if info["weights"] == "ema":
        print("weights: moving average (EMA); --weights plain takes the weights as trained")
    else:
        print(f"weights: as trained{'; the checkpoint also has a moving average' if has_ema else ''}")
    print(f"config: {resolved.name}, from {resolved.origin}")
    print(f"measured: {'; '.join(map(_summary, info['results'])) or 'not measured'}")
    if not args.license:
        print("license of the weights: not stated (--license)")
    if paths := absolute_paths(resolved.config):
        print(f"the config names {len(paths)} absolute paths, which are published with it, e.g. {paths[0]}")
    for path in sorted(folder.iterdir()):
        print(path)
    return 0


def _summary(result: dict) -> str:
    name, value = next(iter(result["Metrics"].items()))
    return f"{name} {value} on {result['Dataset']}"
