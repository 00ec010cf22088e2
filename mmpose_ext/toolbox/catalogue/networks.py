"""From a name on the command line to a network that maps images to heatmaps.

A name is one of

* a path of a config file,
* ``mmpose::...`` or ``mmpose_ext::...`` with a path below that package's ``configs``,
* the base name or an alias of a config of this package, or the base name of one of MMPose's,
* ``module:function`` or ``file.py:function``, a function without arguments that returns an ``nn.Module``: any other
  implementation, to be put beside ours.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mmpose
import torch
import yaml
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope, init_default_scope
from mmengine.runner import Runner, load_checkpoint
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.utils.data import DataLoader

import mmpose_ext

__all__ = [
    "Candidate",
    "PoseNet",
    "build_test_set",
    "config_folder",
    "find_config",
    "input_shape",
    "load_candidate",
    "load_candidates",
]

_FACTORY = re.compile(r"(?P<module>[\w./~-]+):(?P<function>\w+)")


class PoseNet(nn.Module):
    """A pose estimator reduced to the path from images to raw output: backbone, neck and head.

    Shape: images (B, 3, H, W) -> what the head returns, e.g. heatmaps (B, K, H / 4, W / 4).

    Args:
        model: A pose estimator of MMPose.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Any:
        """Run the network without pre- and post-processing."""
        return self.model(images, None, mode="tensor")


@dataclass(frozen=True)
class Candidate:
    """A network that can be built, measured and counted.

    Attributes:
        label: A short name for tables.
        source: What the user wrote.
        config: The config, or None for a factory.
        factory: Builds the network with random weights.
        shape: Input height and width, or None where the config does not tell.
    """

    label: str
    source: str
    config: Config | None
    factory: Callable[[], nn.Module]
    shape: tuple[int, int] | None

    def build(self, *, seed: int = 0, checkpoint: str | None = None) -> nn.Module:
        """Build the network in ``eval()`` mode.

        Args:
            seed: Seed of the random weights.
            checkpoint: A checkpoint file that is loaded strictly; None keeps the random weights.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = self.factory()
        if checkpoint is not None:
            target = network.model if isinstance(network, PoseNet) else network
            load_checkpoint(target, checkpoint, map_location="cpu", strict=True)
        return network.eval().requires_grad_(False)

    def require_shape(self) -> tuple[int, int]:
        """Input height and width.

        Raises:
            ValueError: If the config does not tell.
        """
        if self.shape is None:
            raise ValueError(f"{self.source} does not tell its input size; expected --shape HEIGHT WIDTH")
        return self.shape


def load_candidate(name: str, *, shape: tuple[int, int] | None = None) -> Candidate:
    """Resolve a name, without building the network.

    Args:
        name: A config or a factory, see the head of this file.
        shape: Input height and width in place of the config's.

    Raises:
        ValueError: If the name can't be resolved.
    """
    match = None if "::" in name else _FACTORY.fullmatch(name)
    if match:
        function = _import_function(match["module"], match["function"])
        label = (
            f"{Path(match['module']).stem if match['module'].endswith('.py') else match['module']}:{match['function']}"
        )
        return Candidate(label, name, None, function, shape)
    path = find_config(name)
    config = Config.fromfile(path)
    if "model" not in config:
        raise ValueError(f"expected a config with a `model`, got {path}")
    label = name if name in _aliases(config_folder(mmpose_ext)) else path.stem
    return Candidate(label, name, config, lambda: _build(config), shape or input_shape(config))


def load_candidates(names: Sequence[str], *, shape: tuple[int, int] | None = None) -> list[Candidate]:
    """Resolve names that are going to stand in one table.

    Labels are made unique, and a factory, which tells no input size, gets that of the first config.

    Args:
        names: Configs and factories; the second of two equal ones is dropped.
        shape: Input height and width in place of the configs'.

    Raises:
        ValueError: If a name can't be resolved.
    """
    candidates = [load_candidate(name, shape=shape) for name in dict.fromkeys(names)]
    known = next((candidate.shape for candidate in candidates if candidate.shape), None)
    labels: set[str] = set()
    for i, candidate in enumerate(candidates):
        label, number = candidate.label, 1
        while label in labels:
            number += 1
            label = f"{candidate.label} ({number})"
        labels.add(label)
        candidates[i] = replace(candidate, label=label, shape=candidate.shape or known)
    return candidates


def _build(config: Config) -> PoseNet:
    scope = config.get("default_scope", "mmpose")
    init_default_scope(scope)
    with DefaultScope.overwrite_default_scope(scope):
        return PoseNet(MODELS.build(config.model))


def build_test_set(config: Config) -> tuple[DataLoader, Evaluator]:
    """The test data of a config, and what scores them.

    Args:
        config: A config with ``test_dataloader`` and ``test_evaluator``.
    """
    with DefaultScope.overwrite_default_scope(config.get("default_scope", "mmpose")):
        loader = Runner.build_dataloader(config.test_dataloader, seed=0)
        evaluator = Evaluator(config.test_evaluator)
    evaluator.dataset_meta = loader.dataset.metainfo
    return loader, evaluator


def input_shape(config: Config) -> tuple[int, int] | None:
    """Input height and width that a config was written for.

    Args:
        config: A config; its codec, or the decoder of its head, holds the size as (width, height).
    """
    codecs = config.get("codec", [])
    candidates = [codecs] if isinstance(codecs, dict) else list(codecs)
    head = config.model.get("head") or {}
    candidates.append(head.get("decoder") or {})
    for codec in candidates:
        if "input_size" in codec:
            width, height = codec["input_size"]
            return height, width
    return None


def find_config(name: str) -> Path:
    """Find the file of a config.

    Args:
        name: A path, ``package::path``, base name or alias.

    Raises:
        ValueError: If there is no such config; the message has the nearest names.
    """
    if "::" in name:
        package, _, inner = name.partition("::")
        folders = {"mmpose_ext": config_folder(mmpose_ext), "mmpose": config_folder(mmpose)}
        if package not in folders:
            raise ValueError(f"expected one of {', '.join(f'{key}::' for key in folders)} in front, got {name!r}")
        path = folders[package] / inner
        if path.is_file():
            return path
        found = _by_base_name(folders[package]).get(Path(inner).stem)
        if found:
            return found
        raise ValueError(f"expected a config below {folders[package]}, got {inner!r}{_nearest(inner)}")
    path = Path(name).expanduser()
    if path.is_file():
        return path
    if path.suffix == "" and path.parent == Path():
        ours = config_folder(mmpose_ext)
        for known in (_aliases(ours), _by_base_name(ours), _by_base_name(config_folder(mmpose))):
            if name in known:
                return known[name]
    raise ValueError(f"expected a config file, a base name or an alias, got {name!r}{_nearest(name)}")


def config_folder(package: Any) -> Path:
    """The folder ``configs`` of an installed package, or of the checkout that it is imported from.

    Args:
        package: An imported package with configs, i.e. ``mmpose`` or ``mmpose_ext``.
    """
    root = Path(package.__file__).resolve().parent
    if (root.parent / "pyproject.toml").is_file() and (root.parent / "configs").is_dir():
        return root.parent / "configs"
    return root / ".mim" / "configs"


def _by_base_name(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.rglob("*.py")) if "_base_" not in path.parts}


def _aliases(folder: Path) -> dict[str, Path]:
    return dict(_iter_aliases(folder))


def _iter_aliases(folder: Path) -> Iterator[tuple[str, Path]]:
    for metafile in sorted(folder.rglob("metafile.yml")):
        for model in (yaml.safe_load(metafile.read_text()) or {}).get("Models", []):
            aliases = model.get("Alias", [])
            for alias in [aliases] if isinstance(aliases, str) else aliases:
                yield alias, folder.parent / model["Config"]


def _nearest(name: str) -> str:
    ours = config_folder(mmpose_ext)
    known = {**_by_base_name(config_folder(mmpose)), **_by_base_name(ours), **_aliases(ours)}
    close = difflib.get_close_matches(Path(name).stem, known, n=3)
    return f"; did you mean {', '.join(close)}?" if close else ""


def _import_function(module_name: str, function_name: str) -> Callable[[], nn.Module]:
    try:
        if module_name.endswith(".py"):
            path = Path(module_name).expanduser()
            spec = importlib.util.spec_from_file_location(path.stem, path)
            if spec is None or spec.loader is None or not path.is_file():
                raise ImportError(f"no file {path}")
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(module_name)
    except ImportError as error:
        raise ValueError(f"expected module:function, got {module_name}:{function_name} ({error})") from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise ValueError(f"expected a function in {module_name}, got {function_name!r}")
    return function
