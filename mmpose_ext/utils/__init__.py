"""What MMEngine asks of every scope."""

from mmengine.registry import init_default_scope as init_scope
from mmpose.utils import register_all_modules as _register_mmpose

from mmpose_ext import registration
from mmpose_ext.registry import SCOPE

__all__ = ["register_all_modules"]


def register_all_modules(init_default_scope: bool = True) -> None:
    """Register all modules of MMPose and of this package.

    Args:
        init_default_scope: Whether to make ``mmpose_ext`` the default scope, which MMEngine's
            inferencers ask for when they are built with ``scope='mmpose_ext'``.
    """
    _register_mmpose(init_default_scope=False)
    registration.register()
    if init_default_scope:
        init_scope(SCOPE)  # warns if another scope is active, and switches
