"""Patches that wait for one module do not push each other out."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from mmpose_ext.compat._imports import when_imported


def test_several_patches_of_one_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_upstream.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    seen: list[str] = []

    def first(module: ModuleType) -> None:
        seen.append(f"first {module.VALUE}")

    def second(module: ModuleType) -> None:
        seen.append(f"second {module.VALUE}")

    for patch in (first, second, first, second):
        when_imported("broken_upstream", patch)
    assert seen == []
    importlib.import_module("broken_upstream")
    assert sorted(seen) == ["first 1", "second 1"]
    when_imported("broken_upstream", first)
    assert seen[-1] == "first 1" and len(seen) == 3
