"""Five papers on efficient human pose estimation as an OpenMMLab extension.

``import mmpose_ext`` works around the known breakages of the OpenMMLab stack (:mod:`mmpose_ext.compat`) and makes
MMPose's registries import the backbones, necks, heads, hooks and metrics of this package at their first look-up, so
that ``custom_imports = dict(imports=['mmpose_ext'])`` is all that a config of yours needs. It imports neither torch nor
any package of OpenMMLab.
"""

from mmpose_ext import compat, registration
from mmpose_ext.version import __version__

compat.activate()
registration.activate()

__all__ = ["__version__"]
