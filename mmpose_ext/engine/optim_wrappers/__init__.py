"""Optimizer wrappers and constructors."""

from mmpose_ext.engine.optim_wrappers.bfloat16 import BFloat16OptimWrapper
from mmpose_ext.engine.optim_wrappers.layer_decay import LayerDecayConstructor
from mmpose_ext.engine.optim_wrappers.named_groups import NamedGroupsConstructor

__all__ = ["BFloat16OptimWrapper", "LayerDecayConstructor", "NamedGroupsConstructor"]
