"""List the configs of this package: aliases, input size, parameters, MACs, and measured results.

Example: mmpose-ext models xhrnet lspet
"""

from __future__ import annotations

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext models``.

    Args:
        parser: The parser of this command.
    """
    text = "part of a name, an alias, a paper or a data set; a config is listed if all words match"
    parser.add_argument("words", nargs="*", metavar="WORD", help=text)
    parser.add_argument("--names", action="store_true", help="print the paths of the config files, not the table")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext models``.

    Args:
        args: Parsed arguments.

    Returns:
        0, or 1 if nothing matches.
    """
    from mmpose_ext.toolbox.catalogue.markdown import listing
    from mmpose_ext.toolbox.catalogue.metafile import find_models

    found = find_models(args.words)
    if not found:
        print(f"mmpose-ext models: no config matches {' '.join(args.words)}", file=sys.stderr)
        return 1
    print("\n".join(entry.config for entry in found) if args.names else listing(found))
    return 0
