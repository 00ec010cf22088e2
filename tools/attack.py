"""Attack every command and write the tables of docs/reliability.md: ``tools/attack.py [PART...] [--write]``.

A part that is done is kept in ``work_dirs/attacks``; ``--write`` puts all parts that are there into the page.
"""

import importlib
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Import the attacks from the tests of this checkout, and run them."""
    sys.path.insert(0, str(ROOT))
    package = ModuleType("tests")  # several packages install a `tests` of theirs
    package.__path__ = [str(ROOT / "tests")]
    sys.modules["tests"] = package
    return int(importlib.import_module("tests.faults.table").main())


if __name__ == "__main__":
    raise SystemExit(main())
