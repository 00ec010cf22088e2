"""Make a folder to hand on from a training checkpoint: weights (safetensors, .pth), config, metadata, model card.

Example: mmpose-ext publish xhrnet-18 work_dirs/mine/best_coco_AP_epoch_210.pth --licence Apache-2.0
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext publish``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument(
        "config",
        nargs="?",
        metavar="CONFIG",
        help="path or alias; that in the checkpoint, or the one beside it, if left out",
    )
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="checkpoint of a training")
    parser.add_argument(
        "--weights", choices=["ema", "plain"], help="moving average or as trained; the average where there is one"
    )
    parser.add_argument(
        "--format", nargs="+", choices=["safetensors", "pth"], default=["safetensors", "pth"], help="files to write"
    )
    parser.add_argument("--out", type=Path, default=Path("work_dirs/published"), help="where the folder shall be")
    parser.add_argument("--name", help="first part of all names; that of the config without this")
    parser.add_argument(
        "--results", nargs="+", type=Path, default=[], metavar="JSON", help="results of this file by `reproduce`"
    )
    parser.add_argument("--hardware", help="what the training's log was measured on, for the card")
    parser.add_argument("--licence", help="licence of the weights, for the card, e.g. Apache-2.0")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext publish``.

    Args:
        args: Parsed arguments.

    Returns:
        0, or 2 if something can't be used; nothing is written then.
    """
    from mmpose_ext.toolbox.publishing import find_resolved, measured, publish, read_source
    from mmpose_ext.toolbox.publishing.resolved import absolute_paths

    try:
        source = read_source(args.checkpoint, weights=args.weights)
        resolved = find_resolved(args.checkpoint, source.meta, args.config)
        results = measured.from_log(source, resolved.config, hardware=args.hardware)
        results += measured.from_tests(args.results, source)
        written = publish(
            source,
            resolved,
            out=args.out,
            name=args.name,
            formats=list(dict.fromkeys(args.format)),
            results=results,
            licence=args.licence,
        )
    except (ValueError, OSError, ImportError) as error:
        print(f"mmpose-ext publish: {error}", file=sys.stderr)
        return 2
    other = {"ema": "; --weights plain takes those as trained", "plain": ""}[source.weights]
    if source.weights == "plain" and source.has_ema:
        other = "; the checkpoint has a moving average too"
    print(f"weights: {'moving average (EMA)' if source.weights == 'ema' else 'as trained'}{other}")
    print(f"config: {resolved.name}, from {resolved.origin}")
    print(f"measured: {'; '.join(map(_first, results)) or 'not measured'}")
    if not args.licence:
        print("licence of the weights: not stated (--licence)")
    if paths := absolute_paths(resolved.config):
        print(f"the config names {len(paths)} absolute paths, which are published with it, e.g. {paths[0]}")
    for path in sorted(written.folder.iterdir()):
        print(path)
    return 0


def _first(result: dict) -> str:
    name, value = next(iter(result["Metrics"].items()))
    return f"{name} {value} on {result['Dataset']}"
