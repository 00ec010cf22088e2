"""Arguments that several commands have, and checks that cost no import of torch."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mmpose_ext.weights import SCHEME, shipped_weights

__all__ = [
    "CONFIG",
    "HelpFormatter",
    "IntermixedParser",
    "NETWORK",
    "WEIGHTS",
    "add_cfg_options",
    "add_device",
    "add_persons",
    "add_shape",
    "axis",
    "cfg_options",
    "checkpoint_path",
    "positive",
    "require_checkpoint",
    "require_config",
    "require_paths",
]

CONFIG = "path, mmpose::path, mmpose_ext::path, base name or alias of a config"
NETWORK = f"{CONFIG}, or module:function that returns an nn.Module"
WEIGHTS = "checkpoint file, or none for random weights"


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Names the defaults that say something, as a user would write them."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        default = action.default
        if action.nargs == 0 or default in (None, "none", "") or default == []:
            return action.help
        if isinstance(default, list):
            return f"{action.help} (default: {' '.join(map(str, default))})"
        return super()._get_help_string(action)


class IntermixedParser(argparse.ArgumentParser):
    """Takes options also between names, as in ``export CONFIG CHECKPOINT --fp16 OUT.onnx``."""

    _inside = False

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """The same as that of the base, which two calls of this one make up."""
        if self._inside or any(action.nargs == argparse.PARSER for action in self._actions):
            return super().parse_known_args(args, namespace)
        self._inside = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._inside = False


def positive(text: str) -> int:
    """A whole number of at least 1, as argparse's ``type``.

    Args:
        text: What the user wrote.

    Raises:
        ArgumentTypeError: For anything else.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def axis(text: str) -> tuple[str, tuple[float, ...]]:
    """Name and values of an axis, as argparse's ``type``.

    Args:
        text: What the user wrote, such as ``batch`` or ``batch=1,2,4``.

    Raises:
        ArgumentTypeError: For values that are no numbers.
    """
    name, _, values = text.partition("=")
    try:
        return name, tuple(float(value) for value in values.split(",")) if values else ()
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected an axis such as batch=1,2,4, got {text!r}") from None


def add_device(parser: argparse.ArgumentParser) -> None:
    """Declare ``--device``.

    Args:
        parser: The parser of a command.
    """
    text = "cuda, cuda:NUMBER, mps or cpu; auto is the first of them that is there"
    parser.add_argument("--device", default="auto", help=text)


def add_shape(parser: argparse.ArgumentParser) -> None:
    """Declare ``--shape H W``.

    Args:
        parser: The parser of a command.
    """
    text = "input size in place of the config's"
    parser.add_argument("--shape", nargs=2, type=positive, metavar=("H", "W"), help=text)


def add_persons(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Declare ``--box``, ``--annotations`` and ``--limit``: the persons of images.

    Args:
        parser: The parser of a command, or a group of its arguments.
    """
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--box",
        nargs=4,
        type=float,
        action="append",
        metavar=("X", "Y", "W", "H"),
        help="a person in every image, may be repeated; by default the whole image is one person",
    )
    where.add_argument("--annotations", type=Path, metavar="COCO.json", help="boxes of the persons, by file name")
    parser.add_argument("--limit", type=positive, help="stop after this number of persons")


def add_cfg_options(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Declare ``--cfg-options``.

    Args:
        parser: The parser of a command.
    """
    text = "values in place of the config's, as in MMPose's tools"
    parser.add_argument("--cfg-options", nargs="+", default=[], metavar="KEY=VALUE", help=text)


def cfg_options(words: Iterable[str]) -> dict[str, Any]:
    """Keys with dots -> values, from what the user wrote behind ``--cfg-options``.

    Args:
        words: ``key=value`` each.

    Raises:
        ValueError: If one is something else.
    """
    from mmengine.config import DictAction

    options: dict[str, Any] = {}
    for word in words:
        if not word.partition("=")[1]:
            raise ValueError(f"expected --cfg-options KEY=VALUE, got {word!r}")
        parser = argparse.ArgumentParser()
        parser.add_argument("--one", action=DictAction, nargs=1)
        options.update(parser.parse_args([f"--one={word}"]).one)
    return options


def require_config(name: str) -> None:
    """Find a config before anything heavy is imported.

    Args:
        name: A config or a function.

    Raises:
        ValueError: If there is no such config.
    """
    from mmpose_ext.toolbox.catalogue.configs import find_config, is_function  # reads YAML, which a parser needs not

    if not is_function(name):
        find_config(name)


def checkpoint_path(text: str | None, *, config: str | None = None) -> Path | None:
    """The file that the user names, or None for ``none``.

    Args:
        text: What the user wrote; None for the weights of the config that come with the package.
        config: Name of the config, where `text` may be None.

    Raises:
        ValueError: If there is no such file, it is empty, or no weights of the config come with the package.
    """
    if text is None and config is not None:
        from mmpose_ext.toolbox.catalogue.pretrained import find_pretrained

        return find_pretrained(config).weights
    return None if text in (None, "none") else require_checkpoint(str(text))


def require_checkpoint(text: str) -> Path:
    """The file that the user names.

    Args:
        text: A path, or the name of weights that come with the package, e.g. ``xhrnet-18-lsp``.

    Raises:
        ValueError: If there is no such file, or it is empty.
    """
    path = Path(text)
    if not path.exists():
        path = shipped_weights().get(text.removeprefix(SCHEME).rstrip("/"), path)
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "which does not exist"
        raise ValueError(f"expected a checkpoint file, got {path}, {kind}")
    if not path.stat().st_size:
        raise ValueError(f"expected a checkpoint file, got {path}, which is empty")
    return path


def require_paths(paths: Iterable[str | Path], *, expected: str) -> None:
    """Refuse files and folders that do not exist.

    Args:
        paths: What the user wrote.
        expected: What they should be, for the message.

    Raises:
        ValueError: For the first one that does not exist.
    """
    for path in paths:
        place = Path(path).expanduser()
        if not place.exists() and not place.is_symlink():  # of a link without a target more can be said
            raise ValueError(f"expected {expected}, got {str(path)!r}, which does not exist")
