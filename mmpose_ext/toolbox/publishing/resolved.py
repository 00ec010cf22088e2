"""The config of a checkpoint, with all bases resolved, without running anything that a checkpoint brings.

MMEngine writes the resolved config into each checkpoint and beside it. Both are Python, but only assignments of values
and ``dict(...)``, so that they can be read as data. Building a model from them is safe only where each ``type`` is the
name of a registered class: MMEngine also takes the full name of any function that can be imported, and calls it.
A config that the user names is another matter: it is run, as ``mim train`` does.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from mmpose_ext.toolbox.catalogue.configs import find_config

__all__ = ["Resolved", "absolute_paths", "find_resolved", "read_literal"]

_REGISTERED = re.compile(r"((mmpose|mmpose_ext|mmdet|mmpretrain)\.)?[A-Za-z]\w*")
_IMPORTED = re.compile(r"(mmpose|mmpose_ext|mmdet|mmpretrain)(\.\w+)*")
_OF_THIS_RUN = ("work_dir", "load_from", "resume", "launcher")
_STAMP = re.compile(r"_\d{8}_\d{6}$")


class Resolved(NamedTuple):
    """A resolved config."""

    config: Config
    """Without what belongs to one run, such as ``work_dir``."""
    name: str
    """Base name of the file that the run was started with, as far as known."""
    origin: str
    """Where it comes from, in words."""


def find_resolved(checkpoint: Path, meta: Mapping[str, Any], given: str | None = None) -> Resolved:
    """Find the config of a checkpoint: the given one, that in the checkpoint, or the one in its folder.

    Args:
        checkpoint: The file.
        meta: ``meta`` of the checkpoint.
        given: Path, ``mmpose::path``, ``mmpose_ext::path``, base name or alias; None to look for it.

    Raises:
        ValueError: If there is none, it can't be read as data, or names something to build that is no registered class.
    """
    beside = sorted(checkpoint.parent.glob("*.py"))
    if given is not None:
        path = find_config(given)
        return Resolved(_cleaned(Config.fromfile(path)), path.stem, str(path))
    if isinstance(text := meta.get("cfg"), str) and text.strip():
        origin = "the checkpoint"
    elif len(beside) == 1:
        text, origin = beside[0].read_text(), str(beside[0])
    else:
        raise ValueError(
            f"expected CONFIG before CHECKPOINT, as there is none in {checkpoint} and {len(beside)} beside it"
        )
    try:
        config = Config(read_literal(text))
        _require_harmless(config)
    except (ValueError, KeyError, TypeError) as error:  # KeyError: names that MMEngine keeps for itself
        raise ValueError(
            f"the config of {origin} is not run, and {error}; if you trust it, name it before CHECKPOINT"
        ) from error
    stem = _STAMP.sub("", str(meta.get("experiment_name") or ""))
    named = [path.stem for path in beside if path.stem == stem]
    return Resolved(_cleaned(config), next(iter(named or ([beside[0].stem] if len(beside) == 1 else [])), stem), origin)


def _require_harmless(config: Config) -> None:
    """Refuse what would import or call anything but registered classes."""
    if "model" not in config or "_base_" in config:
        raise ValueError(f"expected a resolved config with a `model`, got {', '.join(config) or 'nothing'}")
    for name in _types(config.model):
        if not isinstance(name, str) or not _REGISTERED.fullmatch(name):
            raise ValueError(f"expected names of registered classes as `type` in it, got {name!r}")
    imports = (config.get("custom_imports") or {}).get("imports") or []
    for name in [imports] if isinstance(imports, str) else imports:
        if not isinstance(name, str) or not _IMPORTED.fullmatch(name):
            raise ValueError(f"expected `custom_imports` of OpenMMLab and this package only, got {name!r}")


def read_literal(text: str) -> dict[str, Any]:
    """Read a resolved config as data.

    Args:
        text: Assignments of values and ``dict(...)``.

    Raises:
        ValueError: If there is anything else in it.
    """
    try:
        tree = ast.parse(text)
        content = {}
        for statement in tree.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    content[name] = _value(value)
                case _:
                    raise _unexpected(statement)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"expected assignments of values, got {type(error).__name__}: {error}") from error
    return content


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.List(elts=items):
            return [_value(item) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_value(item) for item in items)
        case ast.Set(elts=items):
            return {_value(item) for item in items}
        case ast.Dict(keys=keys, values=values) if None not in keys:
            return {_value(key): _value(value) for key, value in zip(keys, values, strict=True) if key is not None}
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords) if all(word.arg for word in keywords):
            return {str(word.arg): _value(word.value) for word in keywords}
        case ast.Call(func=ast.Name(id="dict"), args=[ast.Dict() as content], keywords=[]):
            return _value(content)
    raise _unexpected(node)


def _unexpected(node: ast.AST) -> ValueError:
    return ValueError(f"expected only values and dict(...), got `{ast.unparse(node)[:80]}` in line {node.lineno}")  # type: ignore[attr-defined]


def _types(node: Any) -> Iterator[Any]:
    """Everything that a registry would build in a part of a config."""
    if isinstance(node, Mapping):
        if "type" in node:
            yield node["type"]
        for value in node.values():
            yield from _types(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _types(value)


def _cleaned(config: Config) -> Config:
    return Config({key: value for key, value in config.to_dict().items() if key not in _OF_THIS_RUN})


def absolute_paths(config: Config) -> list[str]:
    """Absolute paths in a config, which tell of the machine that it comes from and exist nowhere else.

    Args:
        config: The config.
    """
    found = re.findall(r"""['"]((?:/|[A-Za-z]:\\)[^'"\n]+)['"]""", config.pretty_text)
    return list(dict.fromkeys(found))
