"""A parser is built without the stack: modules of commands import the standard library only, until they run."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "mmpose_ext" / "toolbox" / "commands"
LIGHT = ("convert_lspet", "infer", "init_dataset", "reproduce", "synthetic")


@pytest.mark.parametrize("name", LIGHT)
def test_imports_of_a_command(name: str) -> None:
    """Those at the top of its file, but for what only a type checker reads."""
    body = ast.parse((FOLDER / f"{name}.py").read_text()).body
    roots = [alias.name for node in body if isinstance(node, ast.Import) for alias in node.names]
    roots += [str(node.module) for node in body if isinstance(node, ast.ImportFrom)]
    roots = [root for root in roots if root != "mmpose_ext.weights"]  # a name, from a module without imports
    assert {root.partition(".")[0] for root in roots} <= sys.stdlib_module_names
