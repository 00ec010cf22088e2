"""Makes mim ... mmpose_ext work with an editable install, by symbolic links.

mim looks for site-packages/mmpose_ext, where an editable install puts nothing. This links that name to the package
in the checkout, and the checkout's tools, configs and model-index.yml into the package's .mim, and writes the start-up
file anew. Run it with --remove before a wheel is installed into the same environment: an installer would write through
the link.
"""

# Only the standard library is imported: setup.py runs this file to use its functions.
from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

MIM_FILES = ("tools", "configs", "model-index.yml")
"""What mim and MMEngine look for in ``.mim``, from the root of the checkout."""

PACKAGE = Path(__file__).resolve().parents[2]


def link_mim_files(package: Path) -> None:
    """Link the files for mim from the checkout into the package's folder ``.mim``.

    Args:
        package: The folder of the package, in the root of the checkout.
    """
    folder = package / ".mim"
    folder.mkdir(exist_ok=True)
    for name in MIM_FILES:
        source, link = package.parent / name, folder / name
        if not link.is_symlink() and not link.exists():
            link.symlink_to(os.path.relpath(source, folder), target_is_directory=source.is_dir())


def write_startup_files(package: Path, folder: Path) -> list[Path]:
    """Write what runs at the start of Python (:mod:`mmpose_ext.startup`).

    Args:
        package: The folder of the package.
        folder: site-packages, or the folder that an installer copies there.

    Returns:
        The files.
    """
    module, line = folder / "mmpose_ext_startup.py", folder / "mmpose_ext.pth"
    shutil.copyfile(package / "startup.py", module)
    line.write_text(f"import {module.stem}; {module.stem}.install()\n")
    return [module, line]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext dev-link``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument("--remove", action="store_true", help="remove the link from site-packages again")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext dev-link``.

    Args:
        args: Parsed arguments.

    Returns:
        0, or 1 if there is no checkout to link to.
    """
    from mmpose_ext.toolbox import environment

    link = environment.installed_link()
    if link.is_dir() and not link.is_symlink():
        print(f"{link} is an ordinary install: mim works with it, nothing to do")
        return 0
    if args.remove:
        existed = link.is_symlink()
        link.unlink(missing_ok=True)
        print(f"removed {link}" if existed else f"{link} doesn't exist, nothing to do")
        return 0
    if not (PACKAGE.parent / "pyproject.toml").is_file():
        print(f"{PACKAGE} isn't in a checkout of mmpose-ext, so there is nothing to link to")
        return 1
    link_mim_files(PACKAGE)
    write_startup_files(PACKAGE, link.parent)
    if link.is_symlink() and link.resolve() != PACKAGE:
        link.unlink()  # of another checkout
    if not link.is_symlink():
        link.symlink_to(PACKAGE, target_is_directory=True)
    print(f"{link} -> {PACKAGE}")
    return 0
