"""A web page that estimates poses: upload an image, choose a network, see the pose and what the network looks at.

``mmpose-ext demo`` serves it, and :func:`serve` does the same from Python. :mod:`.predictor` and :mod:`.session` do
the work and know nothing of Gradio; the other modules need the extra ``demo``.
"""

import warnings
from typing import Any

from mmpose_ext.toolbox.catalogue.choices import Choice, choices
from mmpose_ext.toolbox.demo.predictor import PosePredictor, Prediction, Request
from mmpose_ext.toolbox.demo.server import serve
from mmpose_ext.toolbox.demo.session import DemoResult, DemoSession

__all__ = ["Choice", "DemoResult", "DemoSession", "PosePredictor", "Prediction", "Request", "choices", "serve"]

_RENAMED = {"Answer": DemoResult, "Desk": DemoSession, "Seen": Prediction, "Studio": PosePredictor}


def __getattr__(name: str) -> Any:
    """Find a class under its old name, with a warning."""
    if name not in _RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    new = _RENAMED[name]
    warnings.warn(f"{name} is now {new.__name__}; the old name goes with version 1.0", FutureWarning, stacklevel=2)
    return new
