"""The start-up file: stock MMPose works with mmcv-lite, and nothing changes where there is nothing to do."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from mmpose_ext.compat.mmcv_ext import is_supplied
from mmpose_ext.toolbox.commands.dev_link import write_startup_files

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder that Python treats like site-packages, with the start-up files in it."""
    folder = tmp_path / "site"
    folder.mkdir()
    write_startup_files(ROOT / "mmpose_ext", folder)
    return folder


def run(site: Path, program: str, *paths: Path, **variables: str) -> str:
    """What a program prints, started in an interpreter that reads the ``.pth`` files of ``site`` first."""
    start = f"import site, sys; site.addsitedir({str(site)!r})\n"
    path = os.pathsep.join(map(str, [*paths, ROOT, sysconfig.get_path("purelib")]))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MMPOSE_EXT")}
    done = subprocess.run(
        [sys.executable, "-S", "-c", start + program],  # -S: not the start-up files of this environment
        env={**environment, "PYTHONPATH": path, **variables},
        cwd=site,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", done.stderr
    return done.stdout.strip()


IMPORTED = "print('mmpose_ext' in sys.modules, 'torch' in sys.modules)"


def package(folder: Path, name: str, text: str = "") -> Path:
    """A package in a folder of its own, which is returned."""
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(text)
    return folder


@pytest.mark.skipif(not is_supplied(), reason="the full mmcv is installed")
def test_stock_imports_work(site: Path) -> None:
    """A module of MMPose that needs a compiled operator, imported first thing."""
    assert run(site, "import mmcv.ops; print(mmcv._ext.__spec__.origin)") == "mmpose_ext.compat.mmcv_ops"


def test_nothing_is_imported_before_openmmlab(site: Path) -> None:
    assert run(site, f"import json, unittest; {IMPORTED}") == "False False"


@pytest.mark.parametrize("name", ["mim", "mmcv", "mmdet", "mmengine", "mmpose"])
def test_the_first_package_of_openmmlab_imports_this_one(site: Path, tmp_path: Path, name: str) -> None:
    folder = package(tmp_path / "packages", name, "import sys\nearly = 'mmpose_ext' in sys.modules\n")
    assert run(site, f"import {name}; print({name}.early)", folder) == "True"


def test_a_full_mmcv_is_left_alone(site: Path, tmp_path: Path) -> None:
    folder = package(tmp_path / "packages", "mmcv")
    (folder / "mmcv" / "_ext.cpython-311-x86_64-linux-gnu.so").touch()
    assert run(site, f"import mmcv; {IMPORTED}", folder) == "False False"


def test_a_full_mmcv_gets_the_scope_of_our_configs_alone(site: Path, tmp_path: Path) -> None:
    folder = package(tmp_path / "packages", "mmcv")
    (folder / "mmcv" / "_ext.so").touch()
    program = "import mmcv; from mmengine.config.utils import MODULE2PACKAGE; print(MODULE2PACKAGE['mmpose_ext'])"
    assert run(site, f"{program}\nprint('mmpose_ext' in sys.modules)", folder) == "mmpose_ext.registry\nFalse"


def test_it_can_be_switched_off(site: Path, tmp_path: Path) -> None:
    folder = package(tmp_path / "packages", "mmengine")
    assert run(site, f"import mmengine; {IMPORTED}", folder, MMPOSE_EXT_STARTUP="0") == "False False"


def test_a_broken_install_of_ours_does_not_break_theirs(site: Path, tmp_path: Path) -> None:
    broken = package(package(tmp_path / "packages", "mmengine"), "mmpose_ext", "raise OSError('broken')\n")
    program = "import contextlib, io\nwith contextlib.redirect_stderr(io.StringIO()) as error:\n    import mmengine\n"
    assert "before mmengine (MMPOSE_EXT_STARTUP=0 stops trying): broken" in run(
        site, program + "print(error.getvalue())", broken
    )


TOOL = "import sys\nimport {first}\nprint('mmpose_ext' in sys.modules, open.__name__)\n"


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    ("tool", "first", "expected"),
    [
        ("analysis_tools/analyze_logs.py", "seaborn", "True open_log"),
        ("misc/publish_model.py", "mmengine", "True open"),
        ("misc/another.py", "seaborn", "False open"),
    ],
)
def test_tools_that_break_before_they_read_a_config(
    site: Path, tmp_path: Path, tool: str, first: str, expected: str, full: bool
) -> None:
    folder = package(package(tmp_path / "packages", first), "mmcv")
    if full:
        (folder / "mmcv" / "_ext.so").touch()
    script = tmp_path / "tools" / tool
    script.parent.mkdir(parents=True)
    script.write_text(TOOL.format(first=first))
    program = f"import runpy; sys.argv = [{str(script)!r}]; runpy.run_path(sys.argv[0], run_name='__main__')"
    assert run(site, program, folder) == expected
