"""The config of a checkpoint, with all bases resolved, without running anything that a checkpoint brings.

MMEngine writes the resolved config into each checkpoint and beside it. Both are Python, but only assignments of values
and ``dict(...)``, so they are read as data, and :mod:`..safe_config` refuses all that MMEngine would import or call.
They are written again as literals: MMEngine's own dump does not escape the keys of dicts. A config that the user names
is another matter: it is run, as ``mim train`` does.
"""

from __future__ import annotations

import ast
import keyword
import pprint
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from mmpose_ext.toolbox.catalogue.configs import find_config, read_config
from mmpose_ext.toolbox.safe_config import check_config

__all__ = ["Resolved", "absolute_paths", "find_resolved", "read_literal", "write_literal"]

_SCOPES = ("mmpose", "mmpose_ext")
_OF_THIS_RUN = ("work_dir", "load_from", "resume", "launcher")
_STAMP = re.compile(r"_\d{8}_\d{6}$")
_ABSOLUTE = re.compile(r"(/|[A-Za-z]:\\)[^\n]+")


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
        ValueError: If there is none, it can't be read as data, or it names something to build that is not a registered
            class.
    """
    if given is not None:
        path = find_config(given)
        return Resolved(_cleaned(read_config(path).to_dict()), path.stem, str(path))
    beside = sorted(path for path in checkpoint.parent.glob("*.py") if path.name != "__init__.py")
    if isinstance(text := meta.get("cfg"), str) and text.strip():
        origin = "the checkpoint"
    elif len(beside) == 1:
        text, origin = beside[0].read_text(errors="replace"), str(beside[0])
    else:
        raise ValueError(
            f"expected CONFIG before CHECKPOINT, as there is none in {checkpoint} and {len(beside)} beside it"
        )
    try:
        config = _cleaned(_read_data(text, checkpoint if origin == "the checkpoint" else origin))
    except (ValueError, KeyError, TypeError) as error:  # KeyError: names that MMEngine keeps for itself
        whose = f"{origin} {checkpoint}" if origin == "the checkpoint" else origin
        raise ValueError(
            f"the config of {whose} is not run, and {error}; if you trust it, name it before CHECKPOINT"
        ) from error
    stem = _STAMP.sub("", str(meta.get("experiment_name") or ""))
    named = [path.stem for path in beside if path.stem == stem]
    return Resolved(config, next(iter(named or ([beside[0].stem] if len(beside) == 1 else [])), stem), origin)


def _read_data(text: str, file: object) -> dict[str, Any]:
    """The content of a config that came with a checkpoint, if a registry may build it."""
    content = read_literal(text)
    check_config(content, file=file)
    if "model" not in content:
        raise ValueError(f"expected a resolved config with a model, got {', '.join(content) or 'nothing'}")
    if content.get("default_scope", "mmpose") not in _SCOPES:  # MMEngine imports the registry of a scope
        raise ValueError(f"expected the default scope {' or '.join(_SCOPES)}, got {content['default_scope']!r}")
    return content


def write_literal(content: Mapping[str, Any]) -> str:
    """Write a config as assignments of literals, which MMEngine and :func:`read_literal` read as the same values.

    Args:
        content: Top-level name -> value, of plain types.

    Raises:
        ValueError: If a name can't be assigned to, or a value has no literal.
    """
    lines = []
    for name, value in content.items():
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ValueError(f"expected a name that Python can assign to at the top of a config, got {name!r}")
        text = pprint.pformat(value, width=116, sort_dicts=False)
        text = text.replace("{{", "{\\x7b")  # inside of a string; MMEngine fills in {{...}} before it reads a file
        try:
            same = ast.literal_eval(text) == value
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            same = False
        if not same:
            raise ValueError(f"expected plain values in a config that is published, got {name} = {text[:80]}")
        lines.append(f"{name} = {text}\n")
    return "".join(lines)


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


def _cleaned(content: Mapping[str, Any]) -> Config:
    return Config({key: value for key, value in content.items() if key not in _OF_THIS_RUN})


def absolute_paths(config: Config) -> list[str]:
    """Absolute paths in a config, which tell of the machine that it comes from and exist nowhere else.

    Args:
        config: The config.
    """
    return list(dict.fromkeys(text for text in _texts(config.to_dict()) if _ABSOLUTE.fullmatch(text)))


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, Mapping):
        for value in node.values():
            yield from _texts(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _texts(value)
