"""Known breakages of the OpenMMLab stack, one file each; each does nothing where upstream works."""

from mmpose_ext.compat import mmcv_ext

__all__ = ["activate"]


def activate() -> None:
    """Apply all mends. Cheap, idempotent, imports neither torch nor mmcv."""
    mmcv_ext.install()
