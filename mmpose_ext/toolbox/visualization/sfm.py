"""HSA and plain spatial attention, each with its maps over the image (Fig. 5 of SFM's paper)."""

from __future__ import annotations

import re

from torch import nn

from mmpose_ext.models.sfm import AttentionMaps, HighLevelSpatialAttention, SpatialAttention
from mmpose_ext.toolbox.visualization import Panel, Sample
from mmpose_ext.toolbox.visualization.drawing import heat


def visualize(module: nn.Module, model: nn.Module, sample: Sample) -> list[Panel]:
    """What an attention block adds to its features, and for HSA the map of plain spatial attention beside it.

    Args:
        module: The block, anywhere in the network.
        model: The pose estimator.
        sample: One person.
    """
    assert isinstance(module, SpatialAttention | HighLevelSpatialAttention)
    seen: list[AttentionMaps] = []
    handle = module.register_forward_hook(lambda block, inputs, _: seen.append(block.attention(inputs[0])))
    try:
        model.backbone(sample.pixels)
    finally:
        handle.remove()
    maps = seen[-1]
    where = place(next(name for name, part in model.named_modules() if part is module))
    if isinstance(module, SpatialAttention):
        return [Panel(f"{where}: spatial attention M", heat(sample.image, maps.low[0, 0].cpu().numpy()))]
    return [
        Panel(f"{where}: HSA, M + M * M_deeper", heat(sample.image, maps.gain[0, 0].cpu().numpy())),
        Panel(f"{where}: plain, M", heat(sample.image, maps.low[0, 0].cpu().numpy())),
    ]


def place(name: str) -> str:
    """Where a block stands: X_lc of Fig. 3 if it is in an SFM, else the name of the module.

    Args:
        name: Of the module in the pose estimator.
    """
    node = re.fullmatch(r"backbone\.(down1|up1|down2|up2)\.nodes\.(\d+)\.\d+", name)
    return f"X_{node[2]}{('down1', 'up1', 'down2', 'up2').index(node[1]) + 1}" if node else name
