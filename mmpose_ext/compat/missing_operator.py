"""The error of a compiled operator of mmcv that is missing, and the command that installs the full mmcv."""

from __future__ import annotations

__all__ = ["INSTALL_FULL_MMCV", "MissingOperatorError"]

INSTALL_FULL_MMCV = "pip uninstall -y mmcv-lite && pip install openmim && mim install mmcv==2.1.0"


class MissingOperatorError(NotImplementedError):
    """A compiled operator of mmcv was called that mmcv-lite does not have and this package does not supply."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"mmcv's compiled operator {name!r} is not in this environment: mmcv-lite is installed, and mmpose-ext "
            f"supplies only what torch and torchvision have. Install the full mmcv (`{INSTALL_FULL_MMCV}`; where no "
            "ready-made wheel fits your torch, this compiles it)."
        )
