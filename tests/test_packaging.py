"""The lists of requirements agree with each other."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

if sys.version_info < (3, 11):
    pytest.skip("tomllib is new in Python 3.11", allow_module_level=True)
import tomllib


@pytest.fixture
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text())


def test_mminstall_is_the_extra(root: Path, project: dict[str, Any]) -> None:
    lines = (root / "requirements" / "mminstall.txt").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == (
        project["project"]["optional-dependencies"]["mmpose"]
    )


def test_fresh_has_what_the_extra_has_but_for_two_that_do_not_install(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]
    missing = set(extras["mmpose"]) - set(extras["fresh"])
    assert missing == {"mmpose==1.3.2", "openmim>=0.3.9"}


def test_fresh_has_the_bounds_of_uv(project: dict[str, Any]) -> None:
    settings = project["tool"]["uv"]
    bounds = {*settings["override-dependencies"], *settings["constraint-dependencies"]}
    fresh = project["project"]["optional-dependencies"]["fresh"]
    assert {line for line in bounds if not line.startswith("chumpy")} <= set(fresh)


def test_no_part_of_openmmlab_is_a_hard_dependency(project: dict[str, Any]) -> None:
    """``pip install mmpose-ext`` must not replace the full mmcv of a user."""
    assert not [line for line in project["project"]["dependencies"] if line.startswith(("mm", "openm"))]
