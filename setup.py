"""Build step: puts ``tools``, ``configs`` and ``model-index.yml`` into the package as ``mmpose_ext/.mim``.

That is where OpenMIM and MMEngine look for them. Beside the package goes what runs at the start of Python
(``mmpose_ext/startup.py``). Everything else is in ``pyproject.toml``.
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
    """``build_py`` that adds the start-up files, and the files for mim: copied into a wheel, linked if editable."""

    startup_files: list[Path]

    def run(self) -> None:
        """Build the package, then add its ``.mim`` folder and the start-up files."""
        super().run()
        # What an editable install takes from the build is only a path; the rest comes from the folder of `install`.
        folder = Path(self.get_finalized_command("install").install_lib if self.editable_mode else self.build_lib)
        self.startup_files = LINKS["write_startup_files"](ROOT / "mmpose_ext", folder)
        if self.editable_mode:
            LINKS["link_mim_files"](ROOT / "mmpose_ext")
        else:
            for name in LINKS["MIM_FILES"]:
                self._copy(ROOT / name, Path(self.build_lib, "mmpose_ext", ".mim", name))

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """List the outputs of the build, which a wheel is made of."""
        outputs = super().get_outputs(include_bytecode)
        folder = Path(self.build_lib, "mmpose_ext", ".mim")
        if self.editable_mode:
            return outputs
        return [*outputs, *map(str, self.startup_files), *(str(p) for p in folder.rglob("*") if p.is_file())]

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
