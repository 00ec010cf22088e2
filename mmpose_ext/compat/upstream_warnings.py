"""Silences what OpenMMLab's packages make others warn about, and no user can change.

Breakage: MMEngine and mim import ``pkg_resources``, which setuptools has deprecated; code that MMPose imports calls
``torch.jit.script``, which newer releases of torch have deprecated. Each import of the stack prints their warnings.
albumentations, which MMPose imports where it is there, asks the package index for a newer version each time. MMPose's
configs name their metainfo by a path that is right in its checkout only; MMPose finds its own copy, and warns.

Fix: filters, by the text of the warnings, and the variable that albumentations reads.
"""

from __future__ import annotations

import os
import warnings

__all__ = ["install"]

MESSAGES = (
    r"pkg_resources is deprecated",
    r"`torch\.jit\.script` is deprecated",
    r"The metainfo config file .* does not exist\. A matched config file",
)
"""Regular expressions at the beginning of a warning."""


def install() -> None:
    """Ignore these warnings from now on; a second call adds nothing."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    for message in MESSAGES:
        warnings.filterwarnings("ignore", message)
