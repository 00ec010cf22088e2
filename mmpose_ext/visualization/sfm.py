"""HSA and plain spatial attention, each with its maps over the picture (Fig. 5 of SFM's paper)."""

from __future__ import annotations

from torch import nn

from mmpose_ext.models.sfm import AttentionMaps, HighLevelSpatialAttention, SpatialAttention
from mmpose_ext.visualization import Panel, Sample
from mmpose_ext.visualization.drawing import heat


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
    name = f"{next(name for name, part in model.named_modules() if part is module).removeprefix('backbone.')}, "
    name = name.replace("nodes.", "")
    if isinstance(module, SpatialAttention):
        return [Panel(f"{name}spatial attention M", heat(sample.picture, maps.low[0, 0].cpu().numpy()))]
    return [
        Panel(f"{name}HSA: M + M * M_deeper", heat(sample.picture, maps.gain[0, 0].cpu().numpy())),
        Panel(f"{name}plain: M", heat(sample.picture, maps.low[0, 0].cpu().numpy())),
    ]
