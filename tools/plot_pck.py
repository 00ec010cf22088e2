"""Plot PCK over the allowed distance: ``tools/plot_pck.py OUT.png lsp.torso_pck.json``.

The files come from a test with ``--cfg-options test_evaluator.0.outfile_prefix=lsp``. One file gives a line for each
part of the body, several give the mean of each, named as in ``LABEL=FILE``.
"""

import argparse
import sys
from pathlib import Path

from mmpose_ext.toolbox.command_errors import run_command
from mmpose_ext.toolbox.studies.pck_curve import plot_pck, read_pck


def main() -> int:
    """Read, draw, say where."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="image to write")
    parser.add_argument("files", nargs="+", metavar="FILE", help="FILE or LABEL=FILE")
    args = parser.parse_args()
    tests = {}
    for text in args.files:
        label, equals, name = text.partition("=")
        path = Path(name if equals and not Path(text).is_file() else text)
        label = label if equals else path.name.removesuffix(".torso_pck.json")
        if label in tests:
            raise ValueError(f"expected a label of its own for each file (LABEL=FILE), got {label} twice")
        tests[label] = read_pck(path)
    plot_pck(tests, args.out)
    sys.stdout.write(f"{args.out}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(run_command("plot_pck", main))
