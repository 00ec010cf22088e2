"""List the configs of this package: aliases, input, size, and what was measured.

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
    parser.add_argument("words", nargs="*", metavar="WORD", help="part of a name, alias, paper or data set; all match")
    parser.add_argument("--names", action="store_true", help="names of the config files in place of the table")


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
    print("\n".join(str(entry.model["Config"]) for entry in found) if args.names else listing(found))
    return 0
