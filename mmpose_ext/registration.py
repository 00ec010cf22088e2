"""Makes this package known to MMEngine: scope, child registries, modules.

Every class is registered straight into :mod:`mmpose.registry`, so ``type='XHRNet'`` works under MMPose's
default scope. The child registries in :mod:`mmpose_ext.registry` only add the *name* ``mmpose_ext`` as a
scope, for ``_base_ = ['mmpose_ext::...']`` and ``MMPoseInferencer(..., scope='mmpose_ext')``.
"""

from __future__ import annotations

import importlib
import warnings

MODULES = (
    "mmpose_ext.registry",
    "mmpose_ext.models",
    "mmpose_ext.datasets",
    "mmpose_ext.evaluation",
    "mmpose_ext.engine",
)
"""Packages whose import registers something."""


def register() -> None:
    """Import all modules of this package that register something.

    A missing or broken OpenMMLab stack is a warning here and not an error, because
    ``mmpose-ext doctor`` has to run exactly then.
    """
    try:
        for name in MODULES:
            importlib.import_module(name)
    except (ImportError, AssertionError) as error:  # MMPose and MMDetection assert the version of mmcv
        warnings.warn(
            f"mmpose_ext registered no model, because MMPose can't be imported ({error}). "
            "Run `mmpose-ext doctor` for the cure.",
            stacklevel=2,
        )
