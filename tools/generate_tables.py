"""Write the READMEs' tables and the model cards from the metafiles; ``--check`` only tells what is out of date."""

import sys
from pathlib import Path

from mmpose_ext.toolbox.catalogue.tables import update_files, update_readmes
from mmpose_ext.toolbox.publishing.paper_card import update_cards
from mmpose_ext.toolbox.publishing.shipped import shipped_cards


def main() -> int:
    """Update or check, and name the files concerned."""
    root = Path(__file__).resolve().parents[1]
    check = "--check" in sys.argv[1:]
    changed = update_readmes(root, check=check) + update_cards(root, check=check)
    changed += update_files(shipped_cards(root), check=check)
    for path in changed:
        sys.stdout.write(f"{path.relative_to(root)} {'is out of date: run make tables' if check else 'updated'}\n")
    return int(check and bool(changed))


if __name__ == "__main__":
    raise SystemExit(main())
