"""Libraries that MMPose and MMDetection import at their start and hardly ever use are imported at their first use.

Breakage: pandas (by seaborn), torchvision, matplotlib, albumentations and scipy take two fifths of the time in which
any command starts. A network needs none of them.

Fix: while one of :data:`MODULES` is executed, a stand-in is what it imports, and afterwards the import system forgets
the stand-in: whoever else imports the library gets the library. A library that is missing stays missing. Random boxes
draw from scipy in each process of a data loader: it is imported before there are any.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any

from mmpose_ext.compat._imports import Execute, around_import, when_imported

__all__ = ["MODULES", "install"]

MODULES: dict[str, dict[str, tuple[str, ...]]] = {
    "mmdet.datasets.transforms.transforms": {"albumentations": ("Compose",)},
    "mmdet.evaluation.metrics.crowdhuman_metric": {
        "scipy.sparse": ("csr_matrix",),
        "scipy.sparse.csgraph": ("maximum_bipartite_matching",),
    },
    "mmdet.models.task_modules.assigners.hungarian_assigner": {"scipy.optimize": ("linear_sum_assignment",)},
    "mmdet.models.task_modules.assigners.topk_hungarian_assigner": {"scipy.optimize": ("linear_sum_assignment",)},
    "mmdet.models.task_modules.tracking.aflink": {"scipy.optimize": ("linear_sum_assignment",)},
    "mmdet.models.task_modules.tracking.kalman_filter": {"scipy.linalg": ()},
    "mmdet.utils.mot_error_visualize": {
        "matplotlib": (),
        "matplotlib.patches": ("Rectangle",),
        "matplotlib.pyplot": (),
        "seaborn": (),
    },
    "mmdet.visualization.local_visualizer": {"matplotlib": (), "matplotlib.pyplot": (), "seaborn": ()},
    "mmpose.datasets.datasets.body.mpii_dataset": {"scipy.io": ("loadmat",)},
    "mmpose.datasets.transforms.bottomup_transforms": {"scipy.stats": ("truncnorm",)},
    "mmpose.datasets.transforms.common_transforms": {"albumentations": (), "scipy.stats": ("truncnorm",)},
    "mmpose.visualization.local_visualizer_3d": {"matplotlib": (), "matplotlib.pyplot": ()},
    "mmpose.visualization.simcc_vis": {"torchvision.transforms": ("ToPILImage",)},
    "xtcocotools.coco": {
        "matplotlib": (),
        "matplotlib.collections": ("PatchCollection",),
        "matplotlib.patches": ("Polygon",),
        "matplotlib.pyplot": (),
    },
}
"""Importing module -> library, a package before what is in it -> what the module takes out of the library by name."""

_DRAWING = {
    "mmpose.datasets.transforms.bottomup_transforms": "BottomupRandomAffine",
    "mmpose.datasets.transforms.common_transforms": "RandomBBoxTransform",
}


class _Waiting:
    """Stands for something in a library that is imported at its first use."""

    def __init__(self, library: str, name: str) -> None:
        self._library = library
        self._name = name

    def _find(self) -> Any:
        return getattr(importlib.import_module(self._library), self._name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._find()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # whoever copies or inspects it looks for these
            raise AttributeError(name)
        return getattr(self._find(), name)


class _WaitingLibrary(ModuleType):
    """Stands for a library that is imported at its first use."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and not (name == "__path__" and _imports_a_part_of(self)):
            raise AttributeError(name)  # whoever goes through all modules looks for these
        if sys.modules.get(self.__name__) is self:  # used while the module that imports it is still executed
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def _imports_a_part_of(library: ModuleType) -> bool:
    """Whether it is the import system that asks for ``__path__``, to import what has no stand-in."""
    asks = sys._getframe(2).f_globals.get("__name__", "")
    return sys.modules.get(library.__name__) is library and asks.endswith(("importlib._bootstrap", "_frozen_importlib"))


def _run(execute: Execute, module: ModuleType) -> None:
    """Execute a module that gets stand-ins of those libraries that are installed and not yet imported."""
    stand_ins = {}
    for library, names in MODULES[module.__name__].items():
        package, _, rest = library.partition(".")
        if library in sys.modules:
            continue
        if package not in sys.modules and importlib.util.find_spec(package) is None:  # a look for more would import it
            continue
        stand_in = _WaitingLibrary(library)
        vars(stand_in).update({name: _Waiting(library, name) for name in names})
        stand_ins[library] = sys.modules[library] = stand_in
        if rest and isinstance(sys.modules.get(package), _WaitingLibrary):
            setattr(sys.modules[package], rest, stand_in)
    try:
        execute(module)
    finally:
        for library, stand_in in stand_ins.items():
            if sys.modules.get(library) is stand_in:
                del sys.modules[library]


def _draw_from_scipy(module: ModuleType) -> None:
    """Let the transform of a module that draws from scipy import it when it is built."""
    transform = getattr(module, _DRAWING[module.__name__])
    initialize = transform.__init__
    if hasattr(initialize, "__wrapped__"):  # done before
        return

    @functools.wraps(initialize)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        importlib.import_module("scipy.stats")
        initialize(self, *args, **kwargs)

    transform.__init__ = __init__


def _tell_the_version_alone(module: ModuleType) -> None:
    """Let MMEngine write torchvision's version into a log without importing torchvision."""
    collect = module.collect_env
    if hasattr(collect, "__wrapped__"):  # done before
        return

    @functools.wraps(collect)
    def collect_env() -> dict[str, Any]:
        stand_in = ModuleType("torchvision")
        try:
            stand_in.__version__ = version("torchvision")  # type: ignore[attr-defined]
        except PackageNotFoundError:
            return collect()
        if sys.modules.setdefault("torchvision", stand_in) is not stand_in:
            return collect()
        try:
            return collect()
        finally:
            del sys.modules["torchvision"]

    vars(module)["collect_env"] = collect_env


def install() -> None:
    """Put off the imports of modules that are not yet imported."""
    for name in MODULES:
        around_import(name, _run)
    for name in _DRAWING:
        when_imported(name, _draw_from_scipy)
    when_imported("mmengine.utils.dl_utils.collect_env", _tell_the_version_alone)
