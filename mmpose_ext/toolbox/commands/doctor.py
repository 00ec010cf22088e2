"""Checks this environment: prints versions, known conflicts, and the line that cures each.

The exit status is 1 if something is broken. Libraries are imported in a process of their own, and this command runs
where torch, mmcv or MMPose is missing or raises an error on import.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
from collections.abc import Iterator
from enum import Enum
from importlib.metadata import PackageNotFoundError, distribution, version
from typing import NamedTuple

from mmpose_ext.compat.mmcv_ext import CURE as FULL_MMCV
from mmpose_ext.toolbox.commands.dev_link import installed_link


class Status(Enum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"
    BROKEN = "BROKEN"


class Finding(NamedTuple):
    """One line of the report."""

    status: Status
    text: str
    cure: str = ""
    """The line to type."""


class Requirement(NamedTuple):
    """A distribution and the versions of it that work."""

    name: str
    specifier: str
    cure: str
    reason: str = ""
    optional: bool = False


INSTALL = 'pip install ".[fresh]"  # in the checkout of mmpose-ext'
NO_DEPENDENCIES = "pip install --no-deps mmpose==1.3.2 openmim==0.3.9"

REQUIREMENTS = (
    Requirement("torch", ">=2.1", 'pip install "torch>=2.1" torchvision'),
    Requirement("torchvision", ">=0.16", "pip install torchvision", "mmpose imports it"),
    Requirement("mmengine", ">=0.10.7,<0.11", 'pip install "mmengine>=0.10.7,<0.11"'),
    Requirement("mmdet", ">=3.0,<3.4", "pip install mmdet==3.3.0", "the person detector of inference", optional=True),
    Requirement("mmpose", ">=1.3,<1.4", "pip install --no-deps mmpose==1.3.2", "--no-deps leaves out chumpy"),
    Requirement("xtcocotools", ">=1.12", INSTALL, "mmpose's COCO data sets"),
    Requirement("pycocotools", ">=2.0.7", INSTALL, "also replaces xtcocotools' compiled part under numpy 2"),
    Requirement("setuptools", "<81", 'pip install "setuptools>=77,<81"', "mmengine and mim import pkg_resources"),
    Requirement("openmim", ">=0.3.9", NO_DEPENDENCIES, "the command mim", optional=True),
)
"""Without mmcv, which comes under two names, and numpy, whose bounds depend on the others."""

IMPORTS = {
    "torch": 'pip install --force-reinstall "torch>=2.1" torchvision',
    "torchvision.ops": "pip install --force-reinstall torch torchvision  # the two have to fit each other",
    "cv2": 'pip install --force-reinstall "opencv-python<4.12"',
    "mmengine.runner": 'pip install --force-reinstall --no-deps "mmengine>=0.10.7,<0.11"',
    "mmcv.ops": FULL_MMCV,
    "mmdet.apis": "pip install --force-reinstall --no-deps mmdet==3.3.0",
    "xtcocotools.coco": 'pip install "numpy<2" "opencv-python<4.12" "pandas<3"',
    "mmpose.apis": "pip install --force-reinstall --no-deps mmpose==1.3.2",
    "mim.cli": 'pip install "pandas<3" "setuptools>=77,<81" model-index pip tabulate rich',
}
"""What has to be importable -> the cure if it is not. The order is that of dependence: the first cure helps most."""

PROBE = """
import importlib, sys, warnings
warnings.simplefilter("ignore")
import mmpose_ext.compat
for name in sys.argv[1:]:
    print("trying", name, flush=True)
    try:
        importlib.import_module(name)
    except BaseException as error:
        text = str(error).strip().splitlines() or [""]
        print("failed", name, type(error).__name__ + ":", text[0], flush=True)
        break
else:
    print("registered", "XHRNet" in importlib.import_module("mmpose.registry").MODELS)
    print("gpu", importlib.import_module("torch").cuda.is_available())
    print("operators", "torchvision" if importlib.import_module("mmpose_ext.compat.mmcv_ext").is_supplied() else "mmcv")
"""
"""The program that imports things. Only the first failure counts: what follows it depends on it."""


def _installed(name: str) -> str | None:
    """The version of a distribution, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _fits(installed: str, specifier: str) -> bool:
    """Whether a version fits a specifier; without the package ``packaging`` every one does."""
    try:
        from packaging.specifiers import SpecifierSet
    except ImportError:
        return True
    return SpecifierSet(specifier).contains(installed, prereleases=True)


def check_python() -> Iterator[Finding]:
    """Check the version of Python."""
    fits = (3, 10) <= sys.version_info[:2] <= (3, 12)
    text = f"Python {platform.python_version()} at {sys.executable}"
    yield Finding(
        Status.OK if fits else Status.BROKEN,
        text if fits else f"{text}: expected 3.10 to 3.12",
        "uv venv --python 3.11",
    )


def check_requirements() -> Iterator[Finding]:
    """Check the versions of what this package stands on."""
    for requirement in REQUIREMENTS:
        found = _installed(requirement.name)
        reason = f" ({requirement.reason})" if requirement.reason else ""
        if found is not None and _fits(found, requirement.specifier):
            yield Finding(Status.OK, f"{requirement.name} {found}")
        else:
            text = f"{requirement.name} {found or 'is missing'}: expected {requirement.specifier}{reason}"
            yield Finding(Status.NOTE if requirement.optional else Status.BROKEN, text, requirement.cure)


def check_mmcv() -> Iterator[Finding]:
    """Check that exactly one of the two mmcv is there."""
    full, lite = _installed("mmcv"), _installed("mmcv-lite")
    if full and lite:
        text = f"mmcv {full} and mmcv-lite {lite} are both installed and overwrite each other's files"
        yield Finding(Status.BROKEN, text, f"pip uninstall -y mmcv-lite && pip install --force-reinstall mmcv=={full}")
    elif not (found := full or lite):
        yield Finding(Status.BROKEN, "mmcv is missing", "pip install mmcv-lite==2.1.0")
    elif not _fits(found, ">=2.0.0rc4,<2.2"):
        cure = f"pip install {'mmcv' if full else 'mmcv-lite'}==2.1.0"
        yield Finding(Status.BROKEN, f"mmcv {found}: expected >=2.0.0rc4,<2.2 (mmdet 3.3.0 asserts it)", cure)
    else:
        yield Finding(Status.OK, f"{'mmcv' if full else 'mmcv-lite'} {found}")


def check_numpy() -> Iterator[Finding]:
    """Check numpy and those that are compiled for one of its two generations."""
    found = _installed("numpy")
    if found is None:
        yield Finding(Status.BROKEN, "numpy is missing", 'pip install "numpy<2"')
        return
    yield Finding(Status.OK, f"numpy {found}")
    first = found.startswith("1.")
    torch, opencv, pandas = _installed("torch"), _installed("opencv-python"), _installed("pandas")
    if not first and torch and not _fits(torch, ">=2.3"):
        yield Finding(Status.BROKEN, f"torch {torch} is compiled for numpy 1", 'pip install "numpy<2"')
    if first and opencv and not _fits(opencv, "<4.12"):
        text = f"opencv-python {opencv} needs numpy 2, and numpy is {found}"
        yield Finding(Status.BROKEN, text, 'pip install "opencv-python<4.12"')
    if first and pandas and not _fits(pandas, "<3"):
        yield Finding(Status.BROKEN, f"pandas {pandas} under numpy {found} breaks mim", 'pip install "pandas<3"')


def check_imports() -> Iterator[Finding]:
    """Import everything, in a process of its own."""
    optional = {"mim.cli": "openmim", "mmdet.apis": "mmdet"}
    names = [name for name in IMPORTS if name not in optional or _installed(optional[name])]
    done = subprocess.run([sys.executable, "-c", PROBE, *names], capture_output=True, text=True, check=False)
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    answers = {first: rest for first, rest in (line for line in lines if len(line) == 2)}
    if "failed" in answers or "registered" not in answers:
        name, *message = answers.get("failed", answers.get("trying", "mmpose_ext")).split(maxsplit=1)
        text = message[0] if message else f"the process ended with status {done.returncode}"
        yield Finding(Status.BROKEN, f"import {name}: {text}", IMPORTS.get(name, INSTALL))
        return
    yield Finding(Status.OK, f"imports: {', '.join(names)}")
    supplied = answers["operators"] == "torchvision"
    text = "supplied by torchvision; those it does not have need the full mmcv" if supplied else "mmcv's own"
    yield Finding(Status.NOTE if supplied else Status.OK, f"compiled operators: {text}", FULL_MMCV if supplied else "")
    gpu = answers["gpu"] == "True"
    yield Finding(Status.OK, f"CUDA device: {'yes' if gpu else 'no (two processes train with gloo)'}")
    if answers["registered"] != "True":
        yield Finding(Status.BROKEN, "XHRNet is not registered in mmpose.registry", INSTALL)


def check_mim() -> Iterator[Finding]:
    """Check that mim finds this package."""
    try:
        place = distribution("mmpose-ext").read_text("direct_url.json") or ""
    except PackageNotFoundError:
        text = "mmpose-ext is not installed, only on the path: mim can't find it"
        yield Finding(Status.NOTE, text, "pip install .  # in the checkout of mmpose-ext")
        return
    link, editable = installed_link(), '"editable": true' in place.replace('"editable":true', '"editable": true')
    if editable and not link.exists():
        text = "this is an editable install: every `mim ... mmpose_ext` needs a link"
        yield Finding(Status.NOTE, text, "mmpose-ext dev-link")
    elif not editable and link.is_symlink():
        text = f"{link} is a link, but the install is not editable: it overwrites the checkout"
        yield Finding(Status.BROKEN, text, "mmpose-ext dev-link --remove && pip install --force-reinstall --no-deps .")
    else:
        yield Finding(Status.OK, f"mim finds mmpose_ext at {link}")


CHECKS = (check_python, check_requirements, check_mmcv, check_numpy, check_mim, check_imports)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command: there are none."""


def run(args: argparse.Namespace) -> int:
    """Print the findings; 1 if something is broken."""
    findings = [finding for check in CHECKS for finding in check()]
    for finding in findings:
        print(f"{finding.status.value:<7} {finding.text}")
        if finding.cure and finding.status is not Status.OK:
            print(f"{'':<7} -> {finding.cure}")
    broken = sum(finding.status is Status.BROKEN for finding in findings)
    print(f"\n{broken} broken" if broken else "\nnothing is broken")
    return int(broken > 0)
