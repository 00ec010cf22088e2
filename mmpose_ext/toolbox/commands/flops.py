"""Count parameters and FLOPs of configs, side by side and each number under the name of its rule."""

from __future__ import annotations

import argparse
import json
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext flops``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument("configs", nargs="+", metavar="CONFIG", help="path, mmpose::path, mmpose_ext::path or alias")
    parser.add_argument("--shape", nargs=2, type=int, metavar=("H", "W"), help="input size in place of the config's")
    parser.add_argument("--rule", nargs="+", metavar="RULE", help="rules to count by; all without this")
    parser.add_argument("--json", action="store_true", help="print JSON with exact numbers")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext flops``.

    Args:
        args: Parsed arguments.

    Returns:
        0, or 2 for a config, rule or shape that can't be used.
    """
    from mmpose_ext.toolbox.catalogue.markdown import markdown_table
    from mmpose_ext.toolbox.counting.rules import RULES, count
    from mmpose_ext.toolbox.networks import load_candidates

    rules = args.rule or list(RULES)
    try:
        candidates = load_candidates(args.configs, shape=tuple(args.shape) if args.shape else None)
        counts = {c.label: count(c.build(), c.require_shape(), rules=rules) for c in candidates}
    except ValueError as error:
        print(f"mmpose-ext flops: {error}", file=sys.stderr)
        return 2
    if args.json:
        print(json.dumps({label: vars(result) for label, result in counts.items()}, indent=2))
        return 0
    rows = [
        [label, "x".join(map(str, result.shape)), f"{result.parameters:,}".replace(",", " ")]
        + [f"{result.in_units(rule):.2f}M" for rule in rules]
        for label, result in counts.items()
    ]
    print(markdown_table(["config", "input (HxW)", "parameters", *rules], rows))
    print()
    for rule in rules:
        print(f"{rule}: {RULES[rule].text}")
    return 0
