"""The README's first run, as a user types it: it learns, leaves its files, and `mim test` prints the same score."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
NAME = "td-hm_xhrnet-18_1xb16-4e_synthetic-128x96"
LEARNT = 0.03
"""Average precision of a network that has learnt something; an untrained one has less than 0.001."""


def readme_command(verb: str) -> list[str]:
    """The README's `uv run mim ...` command for the first run, without `uv run`."""
    text = (ROOT / "README.md").read_text().replace("\\\n", " ")
    (command,) = re.findall(rf"^uv run (mim {verb} .*)$", text, re.MULTILINE)
    mim, *arguments = command.split()
    return [str(Path(sys.executable).with_name(mim)), *arguments]


def scores(work_dir: Path, pattern: str) -> list[float]:
    """Average precision of each evaluation in the files that match, in the order of time."""
    lines = [line for path in sorted(work_dir.glob(pattern)) for line in path.read_text().splitlines()]
    return [entry["coco/AP"] for entry in map(json.loads, lines) if "coco/AP" in entry]


@pytest.mark.timeout(3000)
def test_first_run_learns_and_test_reproduces_the_score(tmp_path):
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    subprocess.run(readme_command("train"), cwd=tmp_path, check=True)
    work_dir = tmp_path / "work_dirs" / NAME
    for left in ("curve.png", "predictions.jpg"):
        assert (work_dir / left).stat().st_size > 10_000
    trained = scores(work_dir, "*/vis_data/scalars.json")
    assert len(trained) == 2
    assert trained[-1] > LEARNT
    subprocess.run(readme_command("test"), cwd=tmp_path, check=True)
    tested = scores(work_dir, "*/*.json")  # mim test writes beside vis_data
    assert tested == [pytest.approx(trained[-1], abs=1e-6)]
