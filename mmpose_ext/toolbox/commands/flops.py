"""Count parameters and FLOPs of configs side by side, each number by a named rule."""

from __future__ import annotations

import argparse
import json

from mmpose_ext.toolbox.commands.arguments import NETWORK, add_shape, require_config

RULES = ("macs", "fvcore", "leaf-modules", "elementwise")
"""Written out, because :mod:`..counting.rules` imports torch."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext flops``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument("configs", nargs="+", metavar="CONFIG", help=NETWORK)
    add_shape(parser)
    parser.add_argument(
        "--rule", nargs="+", choices=RULES, metavar="RULE", help=f"of {', '.join(RULES)}; by default all"
    )
    parser.add_argument("--json", action="store_true", help="print JSON with exact numbers")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext flops``.

    Args:
        args: Parsed arguments.

    Returns:
        0.
    """
    for config in args.configs:
        require_config(config)
    from mmpose_ext.toolbox.benchmark.counts import count_networks, counts_table

    counts = count_networks(args.configs, args.rule, shape=args.shape and tuple(args.shape))
    if args.json:
        print(json.dumps({label: vars(result) for label, result in counts.items()}, indent=2))
    else:
        print(counts_table(counts))
    return 0
