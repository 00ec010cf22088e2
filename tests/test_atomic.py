"""A file is there as a whole, or as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmpose_ext.atomic import atomic_folder, atomic_write

ROOT = Path(__file__).resolve().parents[1]


def test_it_appears_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "a.json"
    with atomic_write(path) as partial:
        partial.write_text("new")
        assert not path.exists() and partial.suffix == ".json" and partial.parent == path.parent
    assert path.read_text() == "new" and list(path.parent.iterdir()) == [path]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_write(path) as partial:
        partial.write_text("half")
        1 / 0  # noqa: B018
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from mmpose_ext.atomic import atomic_folder, atomic_write\n"
        "with atomic_write(Path(sys.argv[1], 'a.json')) as a, atomic_folder(Path(sys.argv[1], 'b')) as b:\n"
        "    a.write_text('half'); (b / 'c').write_text('half'); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=False, env={**os.environ, "PYTHONPATH": str(ROOT)})
    (tmp_path / ".kept.partial").write_text("")
    assert len(list(tmp_path.iterdir())) == 3
    with atomic_write(tmp_path / "a.json") as partial:
        partial.write_text("new")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".kept.partial", "a.json"]


def test_two_writers_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with atomic_write(path) as first:
        first.write_text("first")
        with atomic_write(path) as second:
            second.write_text("second")
            assert first.exists() and first != second
        assert path.read_text() == "second"
    assert path.read_text() == "first" and list(tmp_path.iterdir()) == [path]


def test_two_folders_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="which is not empty"), atomic_folder(tmp_path / "a") as first:
        (first / "b").write_text("first")
        with atomic_folder(tmp_path / "a") as second:
            (second / "b").write_text("second")
    assert (tmp_path / "a" / "b").read_text() == "second" and len(list(tmp_path.iterdir())) == 1
