"""Inferencers take a model by its name although no weights of it can be downloaded.

Breakage: MMEngine's inferencers insist on ``Weights`` in the metafile, and load what it says even if that is empty;
``mim download`` insists on it too, but takes the empty name for a file that is there. No report upstream was found.

Fix: an empty name stands for no weights. The inferencer then warns that the model is randomly initialized, unless
the user passes a checkpoint.

Without a model an inferencer executes the config in the checkpoint, which is a program of whoever made the file. That
is refused: name the config. An error of weights for another network has the file's name.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from mmpose_ext.compat._imports import when_imported
from mmpose_ext.errors import UnusableFile

__all__ = ["install"]


def _patch(module: ModuleType) -> None:
    """Wrap ``BaseInferencer._load_model_from_metafile``."""
    inferencer = module.BaseInferencer
    original = inferencer._load_model_from_metafile
    if hasattr(original, "__wrapped__"):  # done before
        return

    @functools.wraps(original)
    def load_model_from_metafile(self: Any, model: str) -> tuple[Any, str | None]:
        config, weights = original(self, model)
        return config, weights or None

    inferencer._load_model_from_metafile = load_model_from_metafile
    original_init = inferencer._init_model

    @functools.wraps(original_init)
    def init_model(self: Any, cfg: Any, weights: str | None, *args: Any, **kwargs: Any) -> Any:
        if not cfg:
            raise ValueError(f"expected a config beside {weights}: the one inside is a program and is not run")
        try:
            return original_init(self, cfg, weights, *args, **kwargs)
        except UnusableFile:
            raise
        except ValueError as error:
            raise UnusableFile(f"expected a network that takes the weights {weights}: {error}") from error

    inferencer._init_model = init_model


def install() -> None:
    """Patch MMEngine's inferencers, now or when they are imported."""
    when_imported("mmengine.infer.infer", _patch)
