"""``mmpose-ext doctor`` as a function: versions, known conflicts, and the command that fixes each.

It runs where torch, mmcv or MMPose is missing or raises an error on import: libraries are imported in a process of
their own.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from enum import Enum
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import NamedTuple

from mmpose_ext import startup
from mmpose_ext.compat.mmcv_ext import INSTALL_FULL_MMCV

__all__ = ["Finding", "Status", "check_environment", "installed_link"]


class Status(Enum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"
    BROKEN = "BROKEN"


class Finding(NamedTuple):
    """One line of the report."""

    status: Status
    text: str
    fix: str = ""
    """The command to type."""


class Requirement(NamedTuple):
    """A distribution and the versions of it that work."""

    name: str
    specifier: str
    fix: str
    reason: str = ""
    optional: bool = False
    fork: str = ""
    """The distribution of :data:`FORK` that takes its place."""


INSTALL = 'pip install ".[fresh]"  # in the checkout of mmpose-ext'
NO_DEPENDENCIES = "pip install --no-deps mmpose==1.3.2 openmim==0.3.9"

REQUIREMENTS = (
    Requirement("torch", ">=2.4", 'pip install "torch>=2.4" torchvision'),
    Requirement("torchvision", ">=0.19", "pip install torchvision", "mmpose imports it"),
    Requirement("mmengine", ">=0.10.7,<0.11", 'pip install "mmengine>=0.10.7,<0.11"', fork="onedl-mmengine"),
    Requirement(
        "mmdet",
        ">=3.0,<3.4",
        "pip install mmdet==3.3.0",
        "the person detector of inference",
        optional=True,
        fork="onedl-mmdetection",
    ),
    Requirement("mmpose", ">=1.3,<1.4", "pip install --no-deps mmpose==1.3.2", "--no-deps leaves out chumpy"),
    Requirement("pycocotools", ">=2.0.8", INSTALL, "COCO's data sets, also in place of xtcocotools"),
    Requirement("setuptools", "<81", 'pip install "setuptools>=77,<81"', "mmengine and mim import pkg_resources"),
    Requirement("openmim", ">=0.3.9", NO_DEPENDENCIES, "the command mim", optional=True, fork="onedl-mim"),
)
"""Without mmcv, which comes under three names, and numpy, whose bounds depend on the others."""

FORK = {
    "onedl-mmengine": ">=0.10.12,<0.11",
    "onedl-mmcv": ">=2.3,<3",
    "onedl-mmdetection": ">=3.5,<4",
    "onedl-mim": ">=0.5,<1",
}
"""The maintained fork of OpenMMLab: it has other distributions for the same packages, and none for MMPose."""

FORK_FIXES = {
    ".[fresh]": ".[onedl]",
    "mmcv-lite==2.1.0": '"onedl-mmcv>=2.3,<3"',
    "mmdet==3.3.0": '"onedl-mmdetection>=3.5,<4"',
    '"mmengine>=0.10.7,<0.11"': '"onedl-mmengine>=0.10.12,<0.11"',
    "openmim==0.3.9": "onedl-mim==0.5.1",
    INSTALL_FULL_MMCV: "pip install --no-build-isolation --force-reinstall --no-deps onedl-mmcv",
}
"""What a fix installs -> what it installs where the fork is: the former would overwrite it."""

REINSTALL_TORCH = 'pip install --force-reinstall "torch>=2.4" torchvision'
REINSTALL_COCO = "pip install --force-reinstall --no-deps pycocotools"

IMPORTS = {
    "torch": REINSTALL_TORCH,
    "torchvision._C": f"{REINSTALL_TORCH}  # the two have to fit each other",
    "cv2": "pip install --force-reinstall --no-deps opencv-python",
    "mmengine.registry": 'pip install --force-reinstall --no-deps "mmengine>=0.10.7,<0.11"',
    "mmcv": "pip install --force-reinstall --no-deps mmcv-lite==2.1.0",
    "mmcv._ext": INSTALL_FULL_MMCV,
    "mmdet": "pip install --force-reinstall --no-deps mmdet==3.3.0",
    "xtcocotools.mask": REINSTALL_COCO,
    "mmpose.registry": "pip install --force-reinstall --no-deps mmpose==1.3.2",
}
"""What has to be importable -> the fix if it is not. The order is that of dependence: the first fix helps most."""

FULL_IMPORTS = {
    "torchvision.ops": IMPORTS["torchvision._C"],
    "mmengine.runner": IMPORTS["mmengine.registry"],
    "mmcv.ops": INSTALL_FULL_MMCV,
    "xtcocotools.coco": REINSTALL_COCO,
    "mmdet.apis": IMPORTS["mmdet"],
    "mmpose.apis": IMPORTS["mmpose.registry"],
    "mmpose_ext.models": "pip install --force-reinstall --no-deps .  # in the checkout of mmpose-ext",
    "mim.cli": 'pip install pandas "setuptools>=77,<81" model-index pip tabulate rich',
}
"""The same for ``--full``: what the commands of MMPose and mim import, nine tenths of which is upstream's."""

OPTIONAL = {"mmdet": "mmdet", "mmdet.apis": "mmdet", "mim.cli": "openmim"}
"""Import -> the distribution without which it is left out."""

LIBRARIES = (
    *("PIL", "addict", "json_tricks", "matplotlib", "munkres", "numpy", "pycocotools", "rich", "scipy", "termcolor"),
    *("tqdm", "yaml", "yapf", "safetensors"),
)
"""What mmengine, mmcv, MMPose and this package import: each has to be found, and is not imported."""

PROBE = """
import gc, importlib, importlib.util, pathlib, sys, warnings
gc.disable()  # a short life: collecting costs more than it frees
warnings.simplefilter("ignore")
import mmpose_ext
from mmpose_ext.compat import mmcv_ext

def load(name):
    if name == "torchvision._C":  # without the package, whose import takes longer than torch's
        folder = pathlib.Path(importlib.util.find_spec("torchvision").origin).parent
        for path in folder.glob("_C*.so"):
            importlib.import_module("torch").ops.load_library(path)
    elif name != "mmcv._ext" or not mmcv_ext.is_supplied():
        importlib.import_module(name)
    if name == "torch":
        sys.modules["torch"].zeros(1).numpy()

for name in sys.argv[1:]:
    print("trying", name, flush=True)
    try:
        load(name)
    except BaseException as error:
        text = str(error).strip().splitlines() or [""]
        print("failed", name, type(error).__name__ + ":", text[0], flush=True)
        break
else:
    print("registered", "mmpose_ext.models" in importlib.import_module("mmpose.registry").MODELS._locations)
    print("gpu", importlib.import_module("torch").cuda.is_available())
    print("operators", "torchvision" if mmcv_ext.is_supplied() else "mmcv")
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


def has_fork() -> bool:
    """Whether a part of the maintained fork of OpenMMLab is installed."""
    return any(_installed(name) for name in FORK)


def _both(installed: str, fork: str) -> Finding:
    """What there is to say if a package is there twice, under the names of these two distributions."""
    text = f"{installed} {_installed(installed)} and {fork} {_installed(fork)} overwrite each other's files"
    fix = f"pip uninstall -y {installed} && pip install --force-reinstall --no-deps {fork}=={_installed(fork)}"
    return Finding(Status.BROKEN, text, fix)


def check_python() -> Iterator[Finding]:
    """Check the version of Python."""
    fits = (3, 10) <= sys.version_info[:2] <= (3, 13)
    text = f"Python {platform.python_version()} at {sys.executable}"
    yield Finding(
        Status.OK if fits else Status.BROKEN,
        text if fits else f"{text}: expected 3.10 to 3.13",
        "uv venv --python 3.12",
    )


def check_requirements() -> Iterator[Finding]:
    """Check the versions of what this package stands on."""
    for requirement in REQUIREMENTS:
        name, specifier = requirement.name, requirement.specifier
        if requirement.fork and _installed(requirement.fork):
            if _installed(name):
                yield _both(name, requirement.fork)
                continue
            name, specifier = requirement.fork, FORK[requirement.fork]
        found = _installed(name)
        reason = f" ({requirement.reason})" if requirement.reason else ""
        if found is not None and _fits(found, specifier):
            yield Finding(Status.OK, f"{name} {found}")
        else:
            text = f"{name} {found or 'is missing'}: expected {specifier}{reason}"
            yield Finding(Status.NOTE if requirement.optional else Status.BROKEN, text, requirement.fix)


def check_mmcv() -> Iterator[Finding]:
    """Check that exactly one of the three mmcv is there."""
    full, lite, fork = (_installed(name) for name in ("mmcv", "mmcv-lite", "onedl-mmcv"))
    if full and lite:
        yield _both("mmcv-lite", "mmcv")
    elif fork and (full or lite):
        yield _both("mmcv" if full else "mmcv-lite", "onedl-mmcv")
    elif fork and not _fits(fork, FORK["onedl-mmcv"]):
        fix = "pip install mmcv-lite==2.1.0"  # FORK_FIXES makes it the fork's
        yield Finding(Status.BROKEN, f"onedl-mmcv {fork}: expected {FORK['onedl-mmcv']}", fix)
    elif fork and (mmdet := _installed("mmdet")):
        text = f"mmdet {mmdet} refuses onedl-mmcv {fork}"
        yield Finding(Status.BROKEN, text, "pip uninstall -y mmdet && pip install mmdet==3.3.0")
    elif fork:
        yield Finding(Status.OK, f"onedl-mmcv {fork}")
    elif not (found := full or lite):
        yield Finding(Status.BROKEN, "mmcv is missing", "pip install mmcv-lite==2.1.0")
    elif not _fits(found, ">=2.0.0rc4,<2.2"):
        fix = f"pip install {'mmcv' if full else 'mmcv-lite'}==2.1.0"
        yield Finding(Status.BROKEN, f"mmcv {found}: expected >=2.0.0rc4,<2.2 (mmdet 3.3.0 asserts it)", fix)
    else:
        yield Finding(Status.OK, f"{'mmcv' if full else 'mmcv-lite'} {found}")


def check_numpy() -> Iterator[Finding]:
    """Check numpy and those that are compiled for one of its two generations."""
    found = _installed("numpy")
    if found is None:
        yield Finding(Status.BROKEN, "numpy is missing", "pip install numpy")
        return
    yield Finding(Status.OK, f"numpy {found}")
    first = found.startswith("1.")
    opencv, pandas = _installed("opencv-python"), _installed("pandas")
    if not _fits(found, "<2.4"):
        yield Finding(Status.BROKEN, f"numpy {found} breaks MMPose's visualizer", 'pip install "numpy<2.4"')
    if opencv and not _fits(opencv, "<5"):
        text = f"opencv-python {opencv}: expected <5 (results differ, and parts are gone)"
        yield Finding(Status.BROKEN, text, 'pip install "opencv-python<5"')
    if first and opencv and not _fits(opencv, "<4.12"):
        text = f"opencv-python {opencv} needs numpy 2, and numpy is {found}"
        yield Finding(Status.BROKEN, text, 'pip install "opencv-python<4.12"')
    if first and pandas and not _fits(pandas, "<3"):
        yield Finding(Status.BROKEN, f"pandas {pandas} under numpy {found} breaks mim", 'pip install "pandas<3"')


def check_libraries() -> Iterator[Finding]:
    """Check that the smaller libraries are there."""
    missing = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        yield Finding(Status.BROKEN, f"no module named {', '.join(missing)}", INSTALL)


def check_imports(*, full: bool = False) -> Iterator[Finding]:
    """Load the compiled parts and the packages of OpenMMLab, in a process of its own.

    Args:
        full: Import all that the commands of MMPose and mim import, which takes four times as long.
    """
    fixes = IMPORTS | FULL_IMPORTS if full else IMPORTS
    names = [name for name in fixes if name not in OPTIONAL or _installed(OPTIONAL[name])]
    done = subprocess.run([sys.executable, "-c", PROBE, *names], capture_output=True, text=True, check=False)
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    answers = {first: rest for first, rest in (line for line in lines if len(line) == 2)}
    if "failed" in answers or "registered" not in answers:
        name, *message = answers.get("failed", answers.get("trying", "mmpose_ext")).split(maxsplit=1)
        text = message[0] if message else f"the process ended with status {done.returncode}"
        yield Finding(Status.BROKEN, f"import {name}: {text}", fixes.get(name, INSTALL))
        return
    yield Finding(Status.OK, f"imports: {', '.join(names)}")
    supplied = answers["operators"] == "torchvision"
    text = "supplied by torchvision; those it does not have need the full mmcv" if supplied else "mmcv's own"
    fix = INSTALL_FULL_MMCV if supplied else ""
    yield Finding(Status.NOTE if supplied else Status.OK, f"compiled operators: {text}", fix)
    gpu = answers["gpu"] == "True"
    yield Finding(Status.OK, f"CUDA device: {'yes' if gpu else 'no (two processes train with gloo)'}")
    if answers["registered"] != "True":
        yield Finding(Status.BROKEN, "mmpose.registry does not know the models of mmpose_ext", INSTALL)


def check_mim() -> Iterator[Finding]:
    """Check that mim finds this package."""
    try:
        place = distribution("mmpose-ext").read_text("direct_url.json") or ""
    except PackageNotFoundError:
        text = "mmpose-ext is not installed, only on the path: mim can't find it"
        yield Finding(Status.NOTE, text, "pip install .  # in the checkout of mmpose-ext")
        return
    link, editable = installed_link(), '"editable": true' in place.replace('"editable":true', '"editable": true')
    if not link.exists():
        text = "this is an editable install: every `mim ... mmpose_ext` needs a link"
        yield Finding(Status.NOTE, text, "mmpose-ext dev-link")
    elif not editable and link.is_symlink():
        text = f"{link} is a link, but the install is not editable: it overwrites the checkout"
        yield Finding(Status.BROKEN, text, "mmpose-ext dev-link --remove && pip install --force-reinstall --no-deps .")
    else:
        yield Finding(Status.OK, f"mim finds mmpose_ext at {link}")


def check_startup() -> Iterator[Finding]:
    """Check that MMPose works without ``import mmpose_ext`` (:mod:`mmpose_ext.startup`)."""
    if mmcv := startup.find_full_mmcv():
        yield Finding(Status.OK, f"start-up: only names the scope of our configs, {mmcv} has its own operators")
    elif startup.is_installed():
        yield Finding(Status.OK, f"start-up: mmpose_ext is imported before OpenMMLab ({startup.SWITCH}=0 prevents it)")
    else:
        switched_off = os.environ.get(startup.SWITCH) == "0"
        reason = f"{startup.SWITCH}=0" if switched_off else "its file is not in site-packages"
        text = f"start-up: off ({reason}): MMPose works only after `import mmpose_ext`"
        yield Finding(Status.NOTE, text, f"unset {startup.SWITCH}" if switched_off else "mmpose-ext dev-link")


CHECKS = (check_python, check_requirements, check_mmcv, check_numpy, check_libraries, check_mim, check_startup)


def check_environment(*, full: bool = False) -> list[Finding]:
    """Check the environment of this process.

    Args:
        full: Import all that the commands of MMPose and mim import, which takes four times as long.

    Returns:
        What was found; the environment works if nothing has :attr:`Status.BROKEN`.
    """
    findings = [*(finding for check in CHECKS for finding in check()), *check_imports(full=full)]
    return [_for_fork(finding) for finding in findings] if has_fork() else findings


def _for_fork(finding: Finding) -> Finding:
    """The same with a fix that leaves the fork in its place."""
    fix = finding.fix
    for stock, fork in FORK_FIXES.items():
        fix = fix.replace(stock, fork)
    return finding._replace(fix=fix)


def installed_link() -> Path:
    """The name under which mim looks for this package."""
    return Path(sysconfig.get_path("purelib")) / "mmpose_ext"
