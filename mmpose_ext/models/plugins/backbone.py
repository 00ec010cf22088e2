"""``type='backbone_with_plugins'``: any backbone with plugin layers behind modules of it.

No paper.

Deviations: none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmpose.registry import MODELS
from torch import nn

from mmpose_ext.layers.plugins import insert_plugins


@MODELS.register_module()
def backbone_with_plugins(backbone: dict[str, Any], plugins: Sequence[Mapping[str, Any]]) -> nn.Module:
    """Build a backbone and insert plugin layers.

    What comes out is the backbone itself, with its own class and the keys of its own checkpoints::

        backbone=dict(
            type='backbone_with_plugins',
            backbone=dict(type='ResNet', depth=50),
            plugins=[dict(cfg=dict(type='HighLevelSpatialAttention'), after=('layer3', 'layer4'))],
        )

    Args:
        backbone: Config of the backbone.
        plugins: See :func:`mmpose_ext.layers.plugins.insert_plugins`.
    """
    return insert_plugins(MODELS.build(backbone), plugins)
