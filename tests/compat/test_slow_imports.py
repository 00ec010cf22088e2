"""Libraries that stand-ins wait for: not imported at the start, there when they are used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from mmpose_ext.compat import no_sharding, slow_imports
from mmpose_ext.toolbox.cli import main
from tests.test_light_start import run

FIRST_USE = """
import importlib.util
import sys
import mmpose_ext
from mmpose_ext.compat import no_sharding
no_sharding.install()
import mmdet.utils, mmdet.visualization
import mmpose.apis
import numpy as np
from mmdet.visualization.local_visualizer import random_color
from mmpose.datasets.transforms import Albumentation, RandomBBoxTransform, common_transforms
from mmdet.models.task_modules.assigners import hungarian_assigner
from mmdet.models.task_modules.tracking import kalman_filter
from mmengine.utils.dl_utils import collect_env
from xtcocotools import coco

if importlib.util.find_spec("torchvision"):
    assert collect_env()["TorchVision"][0].isdigit()
libraries = {"albumentations", "pandas", "seaborn", "sympy", "torch.distributed.fsdp", "torchvision"}
if importlib.util.find_spec("mmdet.models.dense_heads.clr_head") is None:  # onedl-mmdetection's draws
    libraries.add("matplotlib")
if "imgaug" not in sys.modules:  # onedl-mmdetection imports it where it is installed, and it scipy's statistics
    libraries |= {"scipy.linalg", "scipy.optimize", "scipy.stats"}  # the kalman filter imports scipy itself
assert not libraries & sys.modules.keys(), libraries & sys.modules.keys()

assert len(random_color(0)) == 3
if importlib.util.find_spec("albumentations"):
    Albumentation([dict(type="Blur", p=1.0)])(dict(img=np.zeros((8, 8, 3), np.uint8)))

assert hungarian_assigner.linear_sum_assignment(np.eye(2))[1].tolist() == [1, 0]
assert kalman_filter.scipy.linalg.det(np.eye(2)) == 1

transform = RandomBBoxTransform()
assert "scipy.stats" in sys.modules
from scipy.stats import truncnorm
np.random.seed(0)
drawn = transform._truncnorm(size=(2, 4))
np.random.seed(0)
assert (drawn == truncnorm.rvs(-1.0, 1.0, size=(2, 4)).astype(np.float32)).all()

import matplotlib.pyplot as plt
assert type(sys.modules["matplotlib.pyplot"]).__name__ == "module" and plt.gca
"""


def test_what_mmpose_hardly_uses_is_imported_at_its_first_use() -> None:
    run(FIRST_USE)


def test_a_program_has_no_sharding(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ["mmengine", *no_sharding.CLASSES]:
        monkeypatch.setitem(sys.modules, name, sys.modules.get(name, ModuleType(name)))
    here = {name: sys.modules[name] for name in no_sharding.CLASSES}
    monkeypatch.setattr(sys, "argv", ["mmpose-ext", "models"])
    assert main() == 0
    assert {name: sys.modules[name] for name in here} == here  # MMEngine is imported already
    monkeypatch.delitem(sys.modules, "mmengine")
    assert main(["models"]) == 0 and {name: sys.modules[name] for name in here} == here  # not a program
    assert main() == 0
    for name, title in no_sharding.CLASSES.items():
        with pytest.raises(RuntimeError, match=f"{title} is for a training"):
            getattr(sys.modules[name], title)("a network")


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module that imports a library of which it uses ``number`` and ``double``; and one that is missing."""
    (tmp_path / "slow_library.py").write_text("number = 7\ndef double(x):\n    return 2 * x\n")
    (tmp_path / "slow_reader.py").write_text(
        "import slow_library\n"
        "from slow_library import double\n"
        "try:\n    import missing_library\nexcept ImportError:\n    missing_library = None\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(slow_imports, "MODULES", {"slow_reader": {"slow_library": ("double",), "missing_library": ()}})
    monkeypatch.setattr(slow_imports, "_DRAWING", {})
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    slow_imports.install()
    for name in ("slow_library", "slow_reader"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield "slow_reader"
    for name in ("slow_library", "slow_reader"):
        sys.modules.pop(name, None)


def test_a_stand_in_becomes_the_library(reader: str) -> None:
    module = importlib.import_module(reader)
    assert "slow_library" not in sys.modules and module.missing_library is None
    assert not hasattr(module.slow_library, "__wrapped__") and "slow_library" not in sys.modules
    assert module.double(4) == 8 and module.slow_library.number == 7
    with pytest.raises(AttributeError, match="nothing"):
        _ = module.slow_library.nothing


def test_a_part_without_a_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str) -> None:
    """Of a package that has one; another version of the module that imports it may import more."""
    (tmp_path / "slow_package").mkdir()
    (tmp_path / "slow_package" / "__init__.py").write_text("number = 8\n")
    (tmp_path / "slow_package" / "listed.py").write_text("number = 9\n")
    (tmp_path / "slow_package" / "other.py").write_text("import slow_package\nnumber = slow_package.number + 2\n")
    (tmp_path / "slow_reader.py").write_text(
        "import sys\nfrom slow_package import listed\nwaits = not hasattr(sys.modules['slow_package'], '__path__')\n"
        "import slow_package.other as other\nimport slow_package\n"
    )
    monkeypatch.setitem(slow_imports.MODULES, "slow_reader", {"slow_package": (), "slow_package.listed": ()})
    module = importlib.import_module(reader)
    package = sys.modules["slow_package"]
    assert module.waits and package.__file__ and package.other is module.other
    assert (module.slow_package.number, module.listed.number, module.other.number) == (8, 9, 10)
    for name in ("slow_package", "slow_package.listed", "slow_package.other"):
        sys.modules.pop(name, None)


def test_an_imported_library_is_used_itself(reader: str) -> None:
    library = importlib.import_module("slow_library")
    assert importlib.import_module(reader).slow_library is library
