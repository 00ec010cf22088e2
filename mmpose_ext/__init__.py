"""Five papers on efficient human pose estimation as an OpenMMLab extension.

``import mmpose_ext`` mends the known breakages of the OpenMMLab stack (:mod:`mmpose_ext.compat`)
and registers every backbone, neck, head, hook and metric of this package, so that
``custom_imports = dict(imports=['mmpose_ext'])`` is all that a config of yours needs.
"""

from mmpose_ext import compat, registration
from mmpose_ext.version import __version__

compat.activate()  # before MMPose is imported, which `register` does
registration.register()

__all__ = ["__version__"]
