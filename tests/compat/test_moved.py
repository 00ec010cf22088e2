"""Old import paths lead to the modules under their new names, with a warning."""

from __future__ import annotations

import importlib
import sys

import pytest

from mmpose_ext.compat.moved import MOVED, new_name


@pytest.mark.parametrize(("old", "new"), MOVED.items(), ids=list(MOVED))
def test_an_old_path_is_the_new_module(old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, old, raising=False)
    if old.startswith("mmpose_ext.toolbox.demo"):
        pytest.importorskip("gradio")
    with pytest.warns(FutureWarning, match=f"{old} moved to {new}"):
        module = importlib.import_module(old)
    assert module is importlib.import_module(new)


def test_a_module_inside_a_package_that_moved() -> None:
    assert new_name("mmpose_ext.inference.frames") == "mmpose_ext.toolbox.inference.frames"
    assert new_name("mmpose_ext.analysis.nothing") is None
    assert new_name("mmpose_ext.models.ssn") is None
