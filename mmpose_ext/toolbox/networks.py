"""From a name on the command line to a network that maps images to heatmaps.

A name is that of a config, see :mod:`.catalogue.configs`, or ``module:function`` or ``file.py:function``: a function
without arguments that returns an ``nn.Module``, for comparing any other implementation with ours.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope, init_default_scope
from mmengine.runner import Runner
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmpose_ext.toolbox.catalogue.configs import FUNCTION, config_aliases, find_config, read_config, reason_of
from mmpose_ext.toolbox.inference.weights import load_weights, quiet_logger

__all__ = [
    "Candidate",
    "PoseNet",
    "build_test_set",
    "config_candidate",
    "input_shape",
    "load_candidate",
    "load_candidates",
    "merge_options",
]


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

    def build(self, *, seed: int = 0, checkpoint: str | Path | None = None) -> nn.Module:
        """Build the network in ``eval()`` mode.

        Args:
            seed: Seed of the random weights.
            checkpoint: A checkpoint file with all weights of the network; None keeps the random weights.

        Raises:
            ValueError: If the network can't be built, or the file is not a checkpoint of it.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            try:
                network = self.factory()
            except Exception as error:  # whatever a registry, a constructor or a user's function raises
                raise ValueError(f"the network of {self.source} can't be built ({reason_of(error)})") from error
        if checkpoint is not None:
            load_weights(network.model if isinstance(network, PoseNet) else network, checkpoint)
        return network.eval().requires_grad_(False)

    def require_config(self) -> Config:
        """The config.

        Raises:
            ValueError: If the network comes from a function.
        """
        if self.config is None:
            raise ValueError(f"expected a config, got the function {self.source}")
        return self.config

    def require_shape(self) -> tuple[int, int]:
        """Input height and width.

        Raises:
            ValueError: If the config does not tell.
        """
        if self.shape is None:
            raise ValueError(f"{self.source} does not tell its input size; expected --shape HEIGHT WIDTH")
        return self.shape


def load_candidate(name: str, *, shape: tuple[int, int] | None = None) -> Candidate:
    """Find the network of a name, without building it.

    Args:
        name: A config or a function, see the head of this file.
        shape: Input height and width in place of the config's.

    Raises:
        ValueError: If there is no such network.
    """
    match = None if "::" in name else FUNCTION.fullmatch(name)
    if match:
        function = _import_function(match["module"], match["function"])
        label = (
            f"{Path(match['module']).stem if match['module'].endswith('.py') else match['module']}:{match['function']}"
        )
        return Candidate(label, name, None, function, shape)
    path = find_config(name)
    label = name if name in config_aliases() else path.stem
    return config_candidate(read_config(path), label, source=name, shape=shape)


def config_candidate(
    config: Config, label: str, *, source: str | None = None, shape: tuple[int, int] | None = None
) -> Candidate:
    """The network of a config that is loaded already.

    Args:
        config: The config.
        label: A short name.
        source: Where it comes from, for messages; None for the label.
        shape: Input height and width in place of the config's.

    Raises:
        ValueError: If the config has no ``model``.
    """
    source = source or label
    if "model" not in config:
        raise ValueError(f"expected a config with a model, got {source}")
    return Candidate(label, source, config, lambda: _build(config), shape or input_shape(config))


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

    Raises:
        ValueError: If the config has no test set, or it can't be loaded.
    """
    missing = [name for name in ("test_dataloader", "test_evaluator") if not config.get(name)]
    if missing:
        raise ValueError(f"expected a config with a test set, got {config.filename} without {' and '.join(missing)}")
    with DefaultScope.overwrite_default_scope(config.get("default_scope", "mmpose")):
        try:
            with quiet_logger(), contextlib.redirect_stdout(io.StringIO()):  # COCO's tools print what they do
                loader = Runner.build_dataloader(config.test_dataloader, seed=0)
                evaluator = Evaluator(config.test_evaluator)
                evaluator.dataset_meta = loader.dataset.metainfo
        except Exception as error:  # a missing folder, a broken annotation file: each data set has its own errors
            raise ValueError(f"the test set of {config.filename} can't be loaded ({reason_of(error)})") from error
    return loader, evaluator


def input_shape(config: Config) -> tuple[int, int] | None:
    """Input height and width that a config was written for.

    Args:
        config: A config; its codec, or the decoder of its head, holds the size as (width, height).
    """
    codecs = config.get("codec", [])
    candidates = [codecs] if isinstance(codecs, dict) else list(codecs)
    head = (config.model if isinstance(config.model, dict) else {}).get("head") or {}
    candidates.append(head.get("decoder") or {})
    for codec in candidates:
        if "input_size" in codec:
            width, height = codec["input_size"]
            return height, width
    return None


def merge_options(config: Config, options: Mapping[str, Any]) -> None:
    """Change values of a config in place, as ``--cfg-options`` of MMPose's tools does.

    Args:
        config: A config.
        options: Keys with dots -> values.

    Raises:
        ValueError: If a key leads through something that has no keys.
    """
    try:
        config.merge_from_dict(dict(options))
    except (AssertionError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f"expected --cfg-options that fit {config.filename}, got {dict(options)} ({error})") from error


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
