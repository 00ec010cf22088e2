"""What MMEngine asks of every scope."""

from mmengine.registry import DefaultScope
from mmpose.utils import register_all_modules as _register_mmpose

from mmpose_ext import registration

__all__ = ["register_all_modules"]


def register_all_modules(init_default_scope: bool = True) -> None:
    """Register all modules of MMPose and of this package.

    Args:
        init_default_scope: Whether to make ``mmpose_ext`` the default scope, which MMEngine's
            inferencers ask for when they are built with ``scope='mmpose_ext'``.
    """
    _register_mmpose(init_default_scope=False)
    registration.register()
    if init_default_scope and DefaultScope.get_current_instance() is None:
        DefaultScope.get_instance("mmpose_ext", scope_name="mmpose_ext")
