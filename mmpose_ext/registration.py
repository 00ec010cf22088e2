"""Makes this package known to MMEngine: its classes to MMPose's registries, its configs to ``mmpose_ext::``.

Every class is registered straight into :mod:`mmpose.registry`, so ``type='XHRNet'`` works under MMPose's default scope.
A registry imports its modules at the first look-up; :func:`activate` adds ours to them. The child registries in
:mod:`mmpose_ext.registry` only add the *name* ``mmpose_ext`` as a scope, for ``MMPoseInferencer(...,
scope='mmpose_ext')``; MMEngine imports them when it meets the name.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from mmpose_ext.compat import when_imported

__all__ = ["LOCATIONS", "activate", "register"]

LOCATIONS = {
    "MODELS": ("mmpose_ext.models", "mmpose_ext.estimators", "mmpose_ext.codecs"),
    "WEIGHT_INITIALIZERS": ("mmpose_ext.models",),
    "KEYPOINT_CODECS": ("mmpose_ext.codecs",),
    "DATASETS": ("mmpose_ext.datasets",),
    "TRANSFORMS": ("mmpose_ext.datasets",),
    "METRICS": ("mmpose_ext.evaluation",),
    "HOOKS": ("mmpose_ext.engine",),
    "LOG_PROCESSORS": ("mmpose_ext.engine",),
    "OPTIMIZERS": ("mmpose_ext.engine",),
    "OPTIM_WRAPPERS": ("mmpose_ext.engine",),
    "OPTIM_WRAPPER_CONSTRUCTORS": ("mmpose_ext.engine",),
    "PARAM_SCHEDULERS": ("mmpose_ext.engine",),
}
"""Registry of :mod:`mmpose.registry` -> packages whose import registers classes in it."""


def activate() -> None:
    """Let MMPose's registries and MMEngine's configs find this package, now or when their modules are imported.

    Cheap and idempotent. Imports neither torch nor any package of OpenMMLab.
    """
    when_imported("mmpose.registry", _add_locations)
    when_imported("mmengine.config.utils", _add_scope)


def register() -> None:
    """Import all packages of :data:`LOCATIONS` now.

    Raises:
        ImportError: If the OpenMMLab stack is missing or broken.
    """
    for name in sorted({name for names in LOCATIONS.values() for name in names}):
        importlib.import_module(name)


def _add_locations(module: ModuleType) -> None:
    """Add the locations to the registries; one that has imported its own already imports ours at once."""
    for name, packages in LOCATIONS.items():
        registry = getattr(module, name)
        for package in packages:
            if package in registry._locations:
                continue
            registry._locations.append(package)  # in place: seen also by an import of the locations that is under way
            if registry._imported:
                importlib.import_module(package)


def _add_scope(module: ModuleType) -> None:
    """Let MMEngine find the configs of the scope ``mmpose_ext``.

    It looks for the folder ``.mim`` beside a distribution or, failing that, beside a module of the name given here. A
    distribution is not found if the install is editable, so it is a module that has to be named.
    """
    module.MODULE2PACKAGE["mmpose_ext"] = "mmpose_ext.registry"
