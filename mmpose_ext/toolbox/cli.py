"""The command line ``mmpose-ext``: one subcommand per module of :mod:`mmpose_ext.toolbox.commands`."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Any

from mmpose_ext.compat import no_sharding
from mmpose_ext.toolbox.command_errors import run_command
from mmpose_ext.toolbox.commands.arguments import HelpFormatter, IntermixedParser
from mmpose_ext.version import __version__

COMMANDS = {
    "doctor": "check this environment and print the command that fixes each problem",
    "dev-link": "make mim commands for mmpose_ext work with an editable install",
    "synthetic": "render the synthetic person data set",
    "convert-lspet": "convert the LSPET archive to COCO and MPII style annotations",
    "convert-lsp": "convert the LSP archive to COCO style annotations",
    "convert": "rewrite an official checkpoint in the keys of this package",
    "flops": "count parameters and FLOPs of configs",
    "bench": "measure latency and throughput of configs side by side",
    "export": "write a config and its checkpoint as an ONNX file",
    "infer": "find poses in images, videos or a camera",
    "demo": "serve a page that finds poses in images and shows what a network looks at",
    "init-dataset": "check a COCO-style file, write metainfo and a ready config for it",
    "publish": "make a folder to hand on from a checkpoint: weights, config, metadata, card",
    "models": "list the configs of this package with their aliases",
    "reproduce": "count and measure the rows of the papers' tables again",
    "analyze-ssn": "plot what the feature shifting modules of an SSN have learned",
    "sweep-threshold": "accuracy, refined share and speed of a SHaRPose over its quality threshold",
    "study-ssa": "train small BDMP-SCANets to see what keeps sharp attention from learning",
    "visualize": "draw what a network looks at over images",
}
"""Subcommand -> its one-line help. The module is ``mmpose_ext.toolbox.commands.<name with underscores>``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Args:
        argv: The arguments after the program's name; ``sys.argv[1:]`` if None.

    Returns:
        The exit status.
    """
    if argv is None:  # a program, whose imports are its own
        no_sharding.install()
        argv = sys.argv[1:]
    words = list(argv)
    wanted = next((word for word in words if word in COMMANDS), None)
    return run_command(wanted, lambda: _run(words, wanted))


def _run(words: Sequence[str], wanted: str | None) -> int:
    parser = argparse.ArgumentParser(prog="mmpose-ext", description=(__doc__ or "").split(":")[0])
    parser.add_argument("--version", action="version", version=__version__)
    options: dict[str, Any] = dict(metavar="COMMAND", required=True, parser_class=IntermixedParser)
    subparsers = parser.add_subparsers(dest="command", **options)
    for name, text in COMMANDS.items():
        sub = subparsers.add_parser(name, help=text, formatter_class=HelpFormatter)
        if name == wanted:  # only the module that runs is imported: `doctor` must run where torch is broken
            module = importlib.import_module(f"mmpose_ext.toolbox.commands.{name.replace('-', '_')}")
            sub.description = module.__doc__
            module.add_arguments(sub)
            sub.set_defaults(run=module.run)
    args = parser.parse_args(words)
    return args.run(args)


if __name__ == "__main__":
    raise SystemExit(main())
