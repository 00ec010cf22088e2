"""Make the weights that the package ships from a training checkpoint: ``tools/ship_weights.py CHECKPOINT ALIAS``.

Example: python tools/ship_weights.py work_dirs/lsp/epoch_30.pth xhrnet-18-lsp
"""

import argparse
import sys
from pathlib import Path

from mmpose_ext.toolbox.publishing import read_source
from mmpose_ext.toolbox.publishing.shipped import ship


def main() -> int:
    """Write the file and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("alias", help="alias of its config, e.g. xhrnet-18-lsp")
    args = parser.parse_args()
    try:
        path = ship(read_source(args.checkpoint), args.alias)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{path}: {path.stat().st_size} bytes\nits card: tools/generate_tables.py\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
