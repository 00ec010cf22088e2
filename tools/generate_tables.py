"""Write the tables of the READMEs from the metafiles; ``--check`` only tells whether they are up to date."""

import sys
from pathlib import Path

from mmpose_ext.analysis.tables import update_readmes


def main() -> int:
    """Update or check, and name the files concerned."""
    root = Path(__file__).resolve().parents[1]
    check = "--check" in sys.argv[1:]
    changed = update_readmes(root, check=check)
    for path in changed:
        sys.stdout.write(f"{path.relative_to(root)} {'is out of date: run make tables' if check else 'updated'}\n")
    return int(check and bool(changed))


if __name__ == "__main__":
    raise SystemExit(main())
