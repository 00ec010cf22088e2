"""Importing the package, ``--help`` and a usage error import no library; a look-up by name imports what it needs."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmpose_ext import registration
from mmpose_ext.convert import CONVERTERS
from mmpose_ext.toolbox.cli import COMMANDS
from mmpose_ext.toolbox.commands.convert import PAPERS

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"cv2", "matplotlib", "mmcv", "mmdet", "mmengine", "mmpose", "numpy", "pandas", "scipy", "torch"}


def run(script: str, *arguments: str) -> str:
    """What a script prints that runs in an interpreter of its own, outside the checkout."""
    done = subprocess.run(
        [sys.executable, "-W", "error::FutureWarning", "-c", script, *arguments],
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


COMMAND_LINES = """
import argparse, contextlib, importlib, io, json, sys
from mmpose_ext.toolbox import cli

def required(name):
    parser = argparse.ArgumentParser()
    importlib.import_module("mmpose_ext.toolbox.commands." + name.replace("-", "_")).add_arguments(parser)
    return any(action.required and action.nargs != "*" for action in parser._actions)

def loaded(heavy=set(json.loads(sys.argv[1]))):
    return heavy & sys.modules.keys()

assert not loaded(), loaded()
lines = [["--help"], ["--version"], [], ["no-such-command"], ["--no-such-option"]]
for name in cli.COMMANDS:
    lines += [[name, "--help"], [name, "--no-such-option"]] + [[name]] * required(name)
    assert not loaded(), f"the parser of {name} imported {loaded()}"
answers = []
for line in lines:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as error:
        try:
            cli.main(line)
        except SystemExit as end:
            answers.append([line, end.code, bool(out.getvalue()), bool(error.getvalue())])
        else:
            raise AssertionError(f"{line} was accepted")
    assert not loaded(), f"{line} imported {loaded()}"
print(json.dumps(answers))
"""


def test_help_and_usage_errors_import_no_library() -> None:
    answers = json.loads(run(COMMAND_LINES, json.dumps(sorted(HEAVY))))
    for line, status, printed, complained in answers:
        good = "--help" in line or "--version" in line
        assert (status, printed, complained) == ((0, True, False) if good else (2, False, True)), line
    required = {line[0] for line, *_ in answers if len(line) == 1} & COMMANDS.keys()
    assert {"convert", "export", "infer", "publish", "visualize"} <= required


def test_wrong_values_import_no_library() -> None:
    """What a look at names and files tells is said before torch is imported."""
    script = """
import contextlib, io, json, sys
from mmpose_ext.toolbox import cli
for line in json.loads(sys.argv[2]):
    with contextlib.redirect_stderr(io.StringIO()) as error:
        assert cli.main(line) == 2, line
    assert error.getvalue().count("\\n") == 1 and line[-1] in error.getvalue(), error.getvalue()
    assert not set(json.loads(sys.argv[1])) & sys.modules.keys(), line
"""
    lines = [
        ["infer", "nothing.jpg"],
        ["infer", "/", "--model", "xhrnet-19"],
        ["infer", "/", "--model", "no.onnx"],
        ["infer", "/", "--checkpoint", "no.pth"],
        ["visualize", "xhrnet-18", "none", "nothing.jpg"],
        ["demo", "--model", "xhrnet-19"],
        ["demo", "--checkpoint", "no.pth"],
        ["reproduce", "xhrnet:99"],
        ["export", "xhrnet-18", "none", "out.txt"],
        ["analyze-ssn", "receptive-field", "xhrnet-18", "none", "nothing.jpg"],
    ]
    run(script, json.dumps(sorted(HEAVY)), json.dumps(lines))


def test_the_choices_written_out_are_those_there_are() -> None:
    assert list(PAPERS) == sorted(CONVERTERS)


LOOK_UPS = """
import sys
import mmpose_ext
import mmpose.registry
from mmengine.registry import HOOKS, Registry, init_default_scope

packages = {f"mmpose_ext.{name}" for name in ("codecs", "datasets", "engine", "evaluation", "models", "registry")}
assert not packages & sys.modules.keys()
assert mmpose.registry.METRICS.get("mmpose_ext.MpiiPCKh")
assert "mmpose_ext.evaluation" in sys.modules and "mmpose_ext.engine" not in sys.modules
init_default_scope("mmpose")
assert HOOKS.build(dict(type="EpochSeedHook"))
assert "mmpose_ext.models" not in sys.modules
mmpose_ext.registration.register()
for name, registry in vars(mmpose.registry).items():
    for registered in registry.module_dict.values() if isinstance(registry, Registry) else ():
        module = registered.__module__
        if module.startswith("mmpose_ext.") and registry.scope == "mmpose":
            locations = mmpose_ext.registration.LOCATIONS.get(name, ())
            assert any(module.startswith(f"{package}.") for package in locations), (name, module)
"""


@pytest.mark.slow
def test_a_look_up_imports_the_packages_that_register_in_this_registry() -> None:
    run(LOOK_UPS)


@pytest.fixture
def location(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that registers ``Late``, added as one of ours to the registry of :func:`registry`."""
    (tmp_path / "late_location.py").write_text(
        "import early_location\n@early_location.MODELS.register_module()\nclass Late: ...\n"
    )
    (tmp_path / "early_location.py").write_text(
        "from mmengine.registry import Registry\n"
        "MODELS = Registry('model', scope='somewhere', locations=['used_location'])\n"
    )
    (tmp_path / "used_location.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(registration, "LOCATIONS", {"MODELS": ("late_location",)})
    for name in ("late_location", "early_location", "used_location"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return "early_location"


def test_a_registry_that_is_in_use_gets_our_classes_at_once(location: str) -> None:
    module = importlib.import_module(location)
    assert module.MODELS.get("Late") is None
    for _ in range(2):
        registration._add_locations(module)
    assert module.MODELS.get("Late").__name__ == "Late"


def test_a_registry_that_is_importing_its_locations_imports_ours(location: str, tmp_path: Path) -> None:
    code = "import early_location\nfrom mmpose_ext import registration\nregistration._add_locations(early_location)\n"
    (tmp_path / "used_location.py").write_text(code)
    module = importlib.import_module(location)
    assert module.MODELS.get("Late").__name__ == "Late"


WORKERS = """
import mmpose_ext
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from mmpose.registry import TRANSFORMS
from torch.utils.data import DataLoader

if __name__ == "__main__":
    init_default_scope("mmpose")
    steps = [TRANSFORMS.build(dict(type="PyramidTopdownAffine", input_size=(192, 256), zooms=[1.0]))]
    loader = DataLoader(steps, num_workers=1, multiprocessing_context="spawn", collate_fn=list)
    assert [type(step).__name__ for (step,) in loader] == ["PyramidTopdownAffine"]
"""


@pytest.mark.slow
def test_a_spawned_worker_unpickles_our_classes(tmp_path: Path) -> None:
    (tmp_path / "workers.py").write_text(WORKERS)
    run(f"import runpy; runpy.run_path({str(tmp_path / 'workers.py')!r}, run_name='__main__')")
