"""The rules of the house, read from the syntax trees of all modules: who may import whom, and what a file must have."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "mmpose_ext"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if ".mim" not in path.parts)
ROLES = {"backbone.py", "neck.py", "head.py", "initializer.py"}
"""The files of a paper that may touch a registry."""

FLOORS: list[set[str]] = [
    {"version", "startup", "atomic", "errors", "weights"},
    {"image_file", "log_file", "mpii_release"},
    {"compat", "layers", "convert"},
    {"heads"},
    {"models", "codecs", "estimators", "datasets", "evaluation", "engine"},
    {"registry", "registration"},
    {"utils"},
    {"toolbox"},
]
"""The packages of ``mmpose_ext`` from the bottom up. None imports from its own floor or a higher one."""
TOOLBOX_FLOORS: list[set[str]] = [
    {"command_errors", "devices", "environment", "json_file", "safe_config"},
    {"counting", "leeds"},
    {"catalogue"},
    {"inference", "own_data"},
    {"networks", "conversion"},
    {"export"},
    {"benchmark", "studies"},
    {"visualization", "publishing"},
    {"reproduction"},
    {"demo", "zoo"},
    {"commands"},
    {"cli"},
]
"""The same for ``mmpose_ext.toolbox``."""


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Absolute names of all that a module imports, also inside functions, as far as ``module.name`` goes."""
    package = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parts, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def inside(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def below(*folders: str) -> list[Path]:
    return [path for path in MODULES if inside(name_of(path), *(f"mmpose_ext.{folder}" for folder in folders))]


def offences(paths: list[Path], forbidden) -> list[str]:
    return [f"{path.relative_to(ROOT)} imports {name}" for path in paths for name in imports(path) if forbidden(name)]


def paper_of(path: Path) -> str | None:
    parts = path.relative_to(PACKAGE).parts
    return parts[1] if parts[0] == "models" and len(parts) > 2 else None


def test_there_is_something_to_read() -> None:
    assert len(MODULES) > 20
    assert {paper_of(path) for path in MODULES} > {None}


def _names(node: ast.AST) -> list[ast.alias]:
    return node.names if isinstance(node, ast.Import | ast.ImportFrom) else []


def test_papers_never_import_papers() -> None:
    found = []
    for path in below("models"):
        own = paper_of(path)
        if own is not None:  # the package `models` itself lists all papers
            others = [name for name in imports(path) if inside(name, "mmpose_ext.models")]
            found += [
                f"{name_of(path)} imports {name}" for name in others if not inside(name, f"mmpose_ext.models.{own}")
            ]
    assert not found


def test_layers_need_torch_and_mmcv_cnn_only() -> None:
    allowed = ("torch", "triton", "mmcv.cnn", "mmpose_ext.layers")  # Triton comes with torch where there is a GPU
    standard = tuple(sys.stdlib_module_names)
    assert not offences(below("layers"), lambda name: not inside(name, *allowed, *standard))


def test_only_roles_touch_the_registry() -> None:
    paths = [path for path in below("models", "layers", "convert") if path.name not in ROLES]
    assert not offences(paths, lambda name: inside(name, "mmpose.registry", "mmengine.registry", "mmpose_ext.registry"))


def test_engine_never_imports_a_model() -> None:
    assert not offences(below("engine"), lambda name: inside(name, "mmpose_ext.models", "mmpose.models"))


def test_convert_is_pure() -> None:
    forbidden = ("mmpose", "mmcv", "mmdet", "mmpose_ext.models", "mmpose_ext.engine", "mmpose_ext.registry")
    assert not offences(below("convert"), lambda name: inside(name, *forbidden))


def test_the_plugin_never_imports_the_toolbox() -> None:
    plugin = [path for path in MODULES if not inside(name_of(path), "mmpose_ext.toolbox")]
    assert not offences(plugin, lambda name: inside(name, "mmpose_ext.toolbox"))


def test_imports_go_down_the_floors() -> None:
    """Every package of the plugin stands on a floor; each imports only from lower ones."""
    assert packages_of(PACKAGE) == set().union(*FLOORS)
    assert not upward_imports("mmpose_ext", FLOORS)


def test_toolbox_imports_go_down_its_floors() -> None:
    """The same inside the toolbox, whose packages may all use the plugin."""
    assert packages_of(PACKAGE / "toolbox") == set().union(*TOOLBOX_FLOORS)
    assert not upward_imports("mmpose_ext.toolbox", TOOLBOX_FLOORS)


def packages_of(folder: Path) -> set[str]:
    """Names of the packages and modules of a folder, from the file system."""
    found = {path.name for path in folder.iterdir() if (path / "__init__.py").exists()}
    return found | {path.stem for path in folder.glob("*.py") if path.name != "__init__.py"}


def upward_imports(base: str, floors: list[set[str]]) -> list[str]:
    """Imports between two packages of ``base`` that go upward, or sideways on one floor."""
    level = {name: index for index, floor in enumerate(floors) for name in floor}
    found = []
    for path in MODULES:
        parts = name_of(path).removeprefix(f"{base}.").split(".")
        if not name_of(path).startswith(f"{base}.") or parts[0] not in level:
            continue
        for name in imports(path):
            target = name.removeprefix(f"{base}.").split(".")[0] if name.startswith(f"{base}.") else parts[0]
            if target != parts[0] and target in level and level[target] >= level[parts[0]]:
                found.append(f"{path.relative_to(ROOT)} imports {name}")
    return found


def test_models_know_neither_numpy_nor_devices() -> None:
    assert not offences(below("models"), lambda name: inside(name, "numpy"))
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno} calls .{node.func.attr}()"
        for path in below("models")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("cuda", "cpu")
    ]
    assert not calls


@pytest.mark.parametrize("path", below("models", "layers"), ids=name_of)
def test_a_forward_keeps_no_results(path: Path) -> None:
    """Results travel in return values: ``forward``, ``loss`` and ``predict`` never assign to ``self``."""
    for function in ast.walk(ast.parse(path.read_text())):
        if not isinstance(function, ast.FunctionDef) or function.name not in ("forward", "loss", "predict"):
            continue
        for node in ast.walk(function):
            stored = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
            assert not (stored and isinstance(node.value, ast.Name) and node.value.id == "self"), (
                f"{path.name}:{node.lineno} assigns to self.{node.attr} in {function.name}"
            )


@pytest.mark.parametrize("path", [path for path in MODULES if "commands" not in path.parts], ids=name_of)
def test_only_commands_print(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        assert not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print")


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=name_of)
def test_init_file(path: Path) -> None:
    """A docstring, ``__all__`` with what exists, no star import, no ``noqa``."""
    text = path.read_text()
    tree = ast.parse(text)
    docstring = ast.get_docstring(tree)
    assert docstring and not docstring.startswith("TODO")
    assert not any(alias.name == "*" for node in ast.walk(tree) for alias in _names(node))
    assert "noqa" not in text
    targets = {ast.unparse(t) for n in tree.body if isinstance(n, ast.Assign) for t in n.targets}
    targets |= {ast.unparse(node.target) for node in tree.body if isinstance(node, ast.AnnAssign)}
    assert "__all__" in targets
    exported = importlib.import_module(name_of(path)).__all__
    module = __import__(name_of(path), fromlist=exported)
    assert all(hasattr(module, name) for name in exported)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_header(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", below("models"), ids=name_of)
def test_block_files_say_where_they_deviate(path: Path) -> None:
    if path.name != "__init__.py":
        assert "Deviations:" in (ast.get_docstring(ast.parse(path.read_text())) or "")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from mmpose_ext.models.ssn import SSN", "mmpose_ext.models.ssn.SSN"),
        ("from ..ssn import SSN", "mmpose_ext.models.ssn.SSN"),
        ("from .susa import X", "mmpose_ext.models.xhrnet.susa.X"),
        ("def f():\n    import numpy.linalg", "numpy.linalg"),
    ],
)
def test_the_reader_itself(source: str, expected: str, monkeypatch) -> None:
    path = PACKAGE / "models" / "xhrnet" / "block.py"
    monkeypatch.setattr(Path, "read_text", lambda self: source)
    assert list(imports(path)) == [expected]
