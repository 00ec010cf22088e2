"""Old import paths of this package: each still works, with a warning that names the new one."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType

__all__ = ["MOVED", "install", "new_name"]

_TOOLBOX = {
    "analysis.benchmark": "benchmark.timing",
    "analysis.benchmark_report": "benchmark.report",
    "analysis.counting": "counting.rules",
    "analysis.decoded": "export.decoded",
    "analysis.elementwise": "counting.elementwise",
    "analysis.export": "export.onnx_file",
    "analysis.export_forms": "export.forms",
    "analysis.export_graph": "export.graph",
    "analysis.leaf_modules": "counting.leaf_modules",
    "analysis.models": "networks",
    "analysis.sharpose": "export.sharpose",
    "analysis.shift_benchmark": "benchmark.shift",
    "analysis.ssn": "studies.ssn",
    "analysis.ssn_plots": "studies.ssn_plots",
    "analysis.tables": "catalogue.tables",
    "analysis.threshold": "studies.threshold",
    "analysis.training_step": "benchmark.training_step",
    "analysis.two_stages": "export.two_stages",
    "cli": "cli",
    "commands": "commands",
    "datasets.archive": "leeds.archive",
    "datasets.coco_category": "own_data.category",
    "datasets.coco_check": "own_data.check",
    "datasets.coco_image": "own_data.image",
    "datasets.coco_person": "own_data.person",
    "datasets.keypoint_names": "own_data.keypoint_names",
    "datasets.lspet": "leeds.lspet",
    "datasets.own_config": "own_data.config",
    "datasets.own_data": "own_data.annotations",
    "datasets.own_schedule": "own_data.schedule",
    "demo": "demo",
    "demo.desk": "demo.session",
    "demo.studio": "demo.predictor",
    "demo.zoo": "catalogue.choices",
    "evaluation.main_process": "benchmark.main_process",
    "inference": "inference",
    "inference.parity": "export.parity",
    "publishing": "publishing",
    "publishing.zoo": "catalogue.metafile",
    "reproduction": "reproduction",
    "reproduction.look": "reproduction.style",
    "reproduction.manifest": "catalogue.paper_tables",
    "visualization": "visualization",
}
MOVED = {f"mmpose_ext.{old}": f"mmpose_ext.toolbox.{new}" for old, new in _TOOLBOX.items()}
"""Old module or package -> new one; a module inside a package that moved keeps its own name."""
MOVED["mmpose_ext.analysis"] = "mmpose_ext.toolbox"
MOVED["mmpose_ext.datasets.whole_folder"] = MOVED["mmpose_ext.utils.whole_file"] = "mmpose_ext.atomic"


def new_name(name: str) -> str | None:
    """The new name of a module that moved; None for every other module."""
    head, tail = name, ""
    while head != "mmpose_ext" and "." in head:
        if head in MOVED and not (tail and head == "mmpose_ext.analysis"):
            return MOVED[head] + tail
        head, _, last = head.rpartition(".")
        tail = f".{last}{tail}"
    return None


class _MovedFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds an old name and puts the new module in its place."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of an old name, or None for every other one."""
        if not fullname.startswith("mmpose_ext.") or new_name(fullname) is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """Leave the creation of the placeholder to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Replace the placeholder by the module under its new name."""
        old = module.__name__
        new = new_name(old)
        assert new is not None
        warnings.warn(f"{old} moved to {new}; the old name goes with version 1.0", FutureWarning, stacklevel=2)
        sys.modules[old] = importlib.import_module(new)


def install() -> None:
    """Find old names from now on."""
    if not any(isinstance(finder, _MovedFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _MovedFinder())
