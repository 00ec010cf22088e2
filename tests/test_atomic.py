"""A file is there as a whole, or as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmpose_ext.atomic import atomic_write


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
    with atomic_write(tmp_path / "a.json") as partial:
        partial.write_text("old")
        left = partial
        Path(tmp_path / "kept").write_text("")
    left.write_text("half of something")
    with atomic_write(tmp_path / "a.json") as partial:
        assert not partial.exists()
        partial.write_text("new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "kept"]
