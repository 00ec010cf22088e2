"""The lists of requirements agree with each other."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from mmpose_ext.toolbox.environment import FORK

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


def installed_by(name: str, extras: dict[str, list[str]]) -> set[str]:
    """The requirements of an extra and of those that it names."""
    lines = [line.removeprefix("mmpose-ext[").removesuffix("]") for line in extras[name]]
    return set().union(*(installed_by(line, extras) if line in extras else {line} for line in lines))


def test_fresh_has_what_the_extra_has_but_for_what_plain_pip_can_not_install(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]
    missing = set(extras["mmpose"]) - installed_by("fresh", extras)
    assert missing == {"mmpose==1.3.2", "openmim>=0.3.9", "xtcocotools>=1.14.3; python_version < '3.12'"}


def test_fresh_has_the_bounds_of_uv(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]
    bounds = project["tool"]["uv"]["override-dependencies"]
    shared = {line for line in bounds if not line.startswith(("chumpy", "opencv", "xtcoco"))}
    assert shared <= installed_by("fresh", extras)


def test_the_doctor_and_the_extra_know_the_same_fork(project: dict[str, Any]) -> None:
    extra = project["project"]["optional-dependencies"]["onedl"]
    fork = {f"{name}{versions}" for name, versions in FORK.items() if name != "onedl-mim"}  # by --no-deps
    assert fork == {line for line in extra if line.startswith("onedl")}


def test_no_part_of_openmmlab_is_a_hard_dependency(project: dict[str, Any]) -> None:
    """``pip install mmpose-ext`` must not replace the full mmcv of a user."""
    assert not [line for line in project["project"]["dependencies"] if line.startswith(("mm", "openm"))]
