"""Blocks that no single paper owns: torch and ``mmcv.cnn`` only, no registry."""

from mmpose_ext.layers.arch import find_arch
from mmpose_ext.layers.deploy import Deployable, fold_batch_norms, is_deployable, switch_to_deploy
from mmpose_ext.layers.sizes import check_maps, check_size

__all__ = [
    "Deployable",
    "check_maps",
    "check_size",
    "find_arch",
    "fold_batch_norms",
    "is_deployable",
    "switch_to_deploy",
]
