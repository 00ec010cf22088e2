"""Makes this package known to MMEngine: scope, child registries, modules.

Every class is registered straight into :mod:`mmpose.registry`, so ``type='XHRNet'`` works under MMPose's
default scope. The child registries in :mod:`mmpose_ext.registry` only add the *name* ``mmpose_ext`` as a
scope, for ``_base_ = ['mmpose_ext::...']`` and ``MMPoseInferencer(..., scope='mmpose_ext')``.
"""

from __future__ import annotations

import importlib
import warnings

STACK = ("torch", "mmengine", "mmpose.registry", "mmpose.models", "mmpose.datasets", "mmpose.evaluation")
"""What has to be importable before any module of this package can register something."""

NOISE = (r"pkg_resources is deprecated", r"`torch\.jit\.script` is deprecated")
"""What OpenMMLab's packages make others warn about when they are imported, and no user can change."""

MODULES = (
    "mmpose_ext.registry",
    "mmpose_ext.models",
    "mmpose_ext.estimators",
    "mmpose_ext.codecs",
    "mmpose_ext.datasets",
    "mmpose_ext.evaluation",
    "mmpose_ext.engine",
)
"""Packages whose import registers something."""


def register() -> None:
    """Import all modules of this package that register something.

    A missing or broken OpenMMLab stack is a warning here and not an error, because ``mmpose-ext doctor`` has to run
    exactly then. An error in this package itself is an error.
    """
    try:
        for name in STACK:
            _import(name)
    except Exception as error:  # a broken stack fails in any way: a missing library, an assertion on a version, ...
        warnings.warn(
            f"mmpose_ext registered no model, because {name} can't be imported ({type(error).__name__}: {error}). "
            "Run `mmpose-ext doctor` for the cure.",
            stacklevel=2,
        )
        return
    for name in MODULES:
        _import(name)


def _import(name: str) -> None:
    with warnings.catch_warnings():
        for message in NOISE:
            warnings.filterwarnings("ignore", message)
        importlib.import_module(name)
