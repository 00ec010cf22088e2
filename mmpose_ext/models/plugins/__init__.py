"""Plugin layers, such as the attention blocks of :mod:`mmpose_ext.models.sfm`, in any backbone."""

from mmpose_ext.models.plugins.backbone import backbone_with_plugins

__all__ = ["backbone_with_plugins"]
