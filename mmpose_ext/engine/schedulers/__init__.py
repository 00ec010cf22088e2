"""Learning rate schedulers."""

from mmpose_ext.engine.schedulers.group_schedulers import (
    GroupCosineAnnealingLR,
    GroupLinearLR,
    GroupMultiStepLR,
    GroupStepLR,
)

__all__ = ["GroupCosineAnnealingLR", "GroupLinearLR", "GroupMultiStepLR", "GroupStepLR"]
