"""Lets stock MMPose work where only mmcv-lite is installed, without ``import mmpose_ext`` in anybody's code.

An install puts a copy of this file into site-packages as ``mmpose_ext_startup.py``, beside ``mmpose_ext.pth``, which
imports it at the start of Python. It waits for the first import of a package of OpenMMLab and imports ``mmpose_ext``
before that: the operators that mmcv-lite lacks are supplied, checkpoints are loaded safely, and ``mmpose_ext::`` is
known to configs. Where the full mmcv is installed, it only makes ``mmpose_ext::`` known, but for three tools of MMPose
that are broken there too (:data:`TOOLS`). ``MMPOSE_EXT_STARTUP=0`` switches it off.
"""

# Every start of Python runs this: it uses no module that Python has not imported by then.
import os
import sys

__all__ = ["PACKAGES", "SWITCH", "TOOLS", "find_full_mmcv", "install", "is_installed", "runs_tool"]

PACKAGES = frozenset({"mim", "mmcv", "mmdet", "mmengine", "mmpose"})
"""The packages whose first import is waited for."""

TOOLS = {
    "get_flops.py": "analysis_tools",
    "analyze_logs.py": "analysis_tools",
    "publish_model.py": "misc",
}
"""Tools of MMPose that read no config of ours before they break, and the folder of each."""

TRIGGER = "seaborn"
"""What ``analyze_logs.py``, which imports no package of OpenMMLab, imports last."""

SCOPES = "mmengine.config.utils"
"""The module that knows which package the scope of a config is."""

SWITCH = "MMPOSE_EXT_STARTUP"
"""The environment variable that switches this off, if it is ``0``."""


def find_full_mmcv() -> "str | None":
    """The folder of the mmcv that Python would import, if it has compiled operators."""
    for folder in sys.path:
        package = os.path.join(folder or os.curdir, "mmcv")
        if os.path.isfile(os.path.join(package, "__init__.py")):
            return package if any(name.startswith("_ext.") for name in os.listdir(package)) else None
    return None


def runs_tool() -> bool:
    """Whether one of :data:`TOOLS` is the main program."""
    folder, name = os.path.split(os.path.abspath(sys.argv[0] if getattr(sys, "argv", None) else ""))
    return name in TOOLS and os.path.basename(folder) == TOOLS[name]


class _Startup:
    """A finder that finds nothing itself and stands before all others, to see the first import."""

    waits = True
    names_scope = False

    def find_spec(self, name: str, path=None, target=None):  # type: ignore[no-untyped-def]
        """Import ``mmpose_ext`` before the first package of OpenMMLab."""
        if name == SCOPES and self.names_scope:
            return self._name_scope(self._find_with_others(name, path, target))
        if not self.waits or not (name in PACKAGES or (name == TRIGGER and runs_tool())):
            return None
        self.waits = False
        self.names_scope = find_full_mmcv() is not None and not runs_tool()
        if "mmpose_ext" in sys.modules or self.names_scope:
            return None
        try:
            __import__("mmpose_ext")
        except Exception as error:  # whatever is wrong with this package must not keep MMPose from being imported
            sys.stderr.write(f"mmpose_ext was not imported before {name} ({SWITCH}=0 stops trying): {error}\n")
            return None
        # mmpose_ext has put finders before this one, which the search that is under way would miss.
        return self._find_with_others(name, path, target)

    def _find_with_others(self, name, path, target):  # type: ignore[no-untyped-def]
        for finder in list(sys.meta_path):
            if finder is not self and (spec := finder.find_spec(name, path, target)):
                return spec
        return None

    def _name_scope(self, spec):  # type: ignore[no-untyped-def]
        """Let the module, once executed, know the scope of this package (as mmpose_ext.registration does)."""
        execute = spec.loader.exec_module

        def run(module):  # type: ignore[no-untyped-def]
            execute(module)
            module.MODULE2PACKAGE.setdefault("mmpose_ext", "mmpose_ext.registry")

        spec.loader.exec_module = run
        return spec


def is_installed() -> bool:
    """Whether the start of this Python ran :func:`install`, from whichever copy of this file."""
    return any(type(finder).__name__ == _Startup.__name__ for finder in sys.meta_path)


def install() -> None:
    """Wait from now on, unless :data:`SWITCH` says not to; a second call does nothing."""
    if os.environ.get(SWITCH) != "0" and not is_installed():
        sys.meta_path.insert(0, _Startup())
