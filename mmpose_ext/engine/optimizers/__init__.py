"""Optimizers."""

from mmpose_ext.engine.optimizers.fused_adam import FusedAdam

__all__ = ["FusedAdam"]
