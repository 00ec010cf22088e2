"""Build step: puts ``tools``, ``configs`` and ``model-index.yml`` into the package as ``mmpose_ext/.mim``.

That is where OpenMIM and MMEngine look for them. Everything else is in ``pyproject.toml``.
"""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
LINKS = runpy.run_path(
    str(ROOT / "mmpose_ext" / "toolbox" / "commands" / "dev_link.py")
)  # not imported: that would need torch


class BuildWithMim(build_py):
    """``build_py`` that copies the files for mim into a wheel, and links them for an editable install."""

    def run(self) -> None:
        """Build the package, then add its ``.mim`` folder."""
        super().run()
        if self.editable_mode:
            LINKS["link_mim_files"](ROOT / "mmpose_ext")
        else:
            for name in LINKS["MIM_FILES"]:
                self._copy(ROOT / name, Path(self.build_lib, "mmpose_ext", ".mim", name))

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """List the outputs of the build, which a wheel is made of."""
        outputs = super().get_outputs(include_bytecode)
        folder = Path(self.build_lib, "mmpose_ext", ".mim")
        return outputs if self.editable_mode else [*outputs, *(str(p) for p in folder.rglob("*") if p.is_file())]

    @staticmethod
    def _copy(source: Path, target: Path) -> None:
        """Copy a file, or a folder without Python's caches."""
        if target.is_dir():
            shutil.rmtree(target)  # a file that is gone from the source must not survive in a reused build folder
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


setup(cmdclass={"build_py": BuildWithMim})
