"""Five papers on efficient human pose estimation as an OpenMMLab extension.

``import mmpose_ext`` mends the known breakages of the OpenMMLab stack (:mod:`mmpose_ext.compat`)
and registers every backbone, neck, head, hook and metric of this package, so that
``custom_imports = dict(imports=['mmpose_ext'])`` is all that a config of yours needs.
"""

from mmpose_ext import compat
from mmpose_ext.version import __version__

compat.activate()

from mmpose_ext import registration  # noqa: E402  (compat has to be active before MMPose is imported)

registration.register()

__all__ = ["__version__"]
