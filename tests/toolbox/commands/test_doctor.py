"""``mmpose-ext doctor`` and ``dev-link``, also in a broken environment."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from mmpose_ext.toolbox import environment
from mmpose_ext.toolbox.commands import dev_link

VERSIONS = {
    "torch": "2.7.0",
    "torchvision": "0.22.0",
    "mmengine": "0.10.7",
    "mmcv-lite": "2.1.0",
    "mmdet": "3.3.0",
    "mmpose": "1.3.2",
    "numpy": "1.26.4",
    "opencv-python": "4.11.0.86",
    "pandas": "2.2.0",
    "pycocotools": "2.0.8",
    "setuptools": "80.0.0",
    "openmim": "0.3.9",
}


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What is installed, as far as the doctor can see; a test changes it."""
    installed = dict(VERSIONS)

    def version(name: str) -> str:
        if name not in installed:
            raise PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(environment, "version", version)
    return installed


def report() -> str:
    """The findings of the checks that import nothing."""
    checks = (environment.check_requirements, environment.check_mmcv, environment.check_numpy)
    findings = [finding for check in checks for finding in check()]
    if environment.has_fork():
        findings = [environment._for_fork(finding) for finding in findings]
    bad = [finding for finding in findings if finding.status is not environment.Status.OK]
    return "\n".join(f"{finding.status.value} {finding.text} -> {finding.fix}" for finding in bad)


def test_a_good_environment(versions: dict[str, str]) -> None:
    assert report() == ""


@pytest.mark.parametrize(
    "change, expected",
    [
        ({"mmcv": "2.1.0"}, "overwrite each other's files -> pip uninstall -y mmcv-lite && .* mmcv==2.1.0"),
        ({"mmcv-lite": "2.2.0"}, "expected >=2.0.0rc4,<2.2 .* -> pip install mmcv-lite==2.1.0"),
        ({"mmcv-lite": None, "mmcv": "2.2.0"}, "-> pip install mmcv==2.1.0"),
        ({"mmcv-lite": None}, "mmcv is missing"),
        ({"setuptools": "82.0.0"}, 'setuptools 82.0.0: expected <81 .* -> pip install "setuptools>=77,<81"'),
        ({"opencv-python": "4.12.0.88"}, "needs numpy 2"),
        ({"numpy": "2.2.0", "opencv-python": "5.0.0.93"}, 'expected <5 .* -> pip install "opencv-python<5"'),
        ({"numpy": "2.4.1"}, 'numpy 2.4.1 breaks MMPose\'s visualizer -> pip install "numpy<2.4"'),
        ({"pandas": "3.0.0"}, "breaks mim"),
        ({"numpy": None}, "numpy is missing"),
        ({"mmpose": None}, "mmpose is missing: expected .* -> pip install --no-deps mmpose==1.3.2"),
        ({"mmengine": "0.11.0"}, "mmengine 0.11.0: expected"),
    ],
)
def test_conflicts(versions: dict[str, str], change: dict[str, str | None], expected: str) -> None:
    for name, value in change.items():
        if value is None:
            versions.pop(name)
        else:
            versions[name] = value
    text = report()
    assert "BROKEN" in text
    assert re.search(expected, text), text


FORK = {
    **{
        name: version for name, version in VERSIONS.items() if name not in {"mmengine", "mmcv-lite", "mmdet", "openmim"}
    },
    "onedl-mmengine": "0.10.12",
    "onedl-mmcv": "2.3.6",
    "onedl-mmdetection": "3.5.1",
    "onedl-mim": "0.5.1",
}


@pytest.mark.parametrize(
    "change, expected",
    [
        ({}, "^$"),
        ({"onedl-mmengine": None}, 'mmengine is missing.*-> pip install "onedl-mmengine>=0.10.12,<0.11"$'),
        ({"onedl-mmcv": None}, 'mmcv is missing -> pip install "onedl-mmcv>=2.3,<3"$'),
        ({"onedl-mmdetection": None}, "note mmdet is missing.*onedl-mmdetection"),
        ({"onedl-mmcv": "2.2.0"}, 'onedl-mmcv 2.2.0: expected .* -> pip install "onedl-mmcv>=2.3,<3"'),
        ({"mmengine": "0.10.7"}, "other's files -> pip uninstall -y mmengine && .* onedl-mmengine==0.10.12"),
        ({"mmcv-lite": "2.1.0"}, "other's files -> pip uninstall -y mmcv-lite && .* onedl-mmcv==2.3.6"),
        ({"mmdet": "3.3.0", "onedl-mmdetection": None}, "refuses onedl-mmcv .* uninstall -y mmdet && .*onedl-mmdet"),
        ({"pycocotools": None}, r"pycocotools is missing.*\[onedl\]"),
    ],
)
def test_the_fork(versions: dict[str, str], change: dict[str, str | None], expected: str) -> None:
    """Recognized, and no fix overwrites it."""
    versions.clear()
    versions.update({name: version for name, version in (FORK | change).items() if version is not None})
    text = report()
    assert re.search(expected, text), text
    assert not re.search(r"(?<!un)install [^&]*?(?<!onedl-)(mmengine|mmcv|mmdet|openmim)\b", text), text


def test_openmim_is_optional(versions: dict[str, str]) -> None:
    versions.pop("openmim")
    assert report().startswith("note openmim is missing")


def test_a_library_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(environment.check_libraries()) == []
    monkeypatch.setattr(environment, "LIBRARIES", ("yaml", "no_such_library"))
    (finding,) = environment.check_libraries()
    assert finding.text == "no module named no_such_library"


@pytest.mark.parametrize(
    "broken", ["torch", *(pytest.param(name, marks=pytest.mark.slow) for name in ("mmcv", "mmpose"))]
)
def test_it_runs_where_a_library_is_broken(broken: str, tmp_path: Path) -> None:
    (tmp_path / f"{broken}.py").write_text("raise OSError('libsomething.so: cannot open shared object file')\n")
    root = Path(environment.__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "mmpose_ext.toolbox.cli", "doctor"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{root}", "OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(rf"BROKEN  import {broken}.*OSError: libsomething", done.stdout)
    assert "1 broken" in done.stdout
    assert done.stderr == ""


def test_dev_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "checkout" / "mmpose_ext"
    package.mkdir(parents=True)
    (package / "startup.py").write_text("text = 'copied'\n")
    for name in ("tools", "configs"):
        (package.parent / name).mkdir()
    for name in ("pyproject.toml", "model-index.yml"):
        (package.parent / name).touch()
    link = tmp_path / "site-packages" / "mmpose_ext"
    link.parent.mkdir()
    monkeypatch.setattr(dev_link, "PACKAGE", package)
    monkeypatch.setattr(environment, "installed_link", lambda: link)
    for _ in range(2):
        assert dev_link.run(argparse.Namespace(remove=False)) == 0
        assert link.resolve() == package
        assert (link / ".mim" / "configs").samefile(package.parent / "configs")
        assert (link / ".mim" / "model-index.yml").is_file()
        assert "copied" in (link.parent / "mmpose_ext_startup.py").read_text()
    for _ in range(2):
        assert dev_link.run(argparse.Namespace(remove=True)) == 0
        assert not link.is_symlink()
    link.mkdir()
    assert dev_link.run(argparse.Namespace(remove=True)) == 0
    assert link.is_dir()  # an ordinary install is never touched
