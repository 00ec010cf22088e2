"""Optimizer constructors."""

from mmpose_ext.engine.optim_wrappers.layer_decay import LayerDecayConstructor

__all__ = ["LayerDecayConstructor"]
