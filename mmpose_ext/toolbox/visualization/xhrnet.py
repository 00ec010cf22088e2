"""X-HRNet: the attention vectors of the last H-wise and the last W-wise block at the highest resolution, Eq. (4).

An attention vector has one value in (0, 1) for each row, or column, and channel; it is drawn over the whole row or
column, as it weights the whole of it (Fig. 2 of the paper). :func:`fusion` draws Fig. 3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmpose_ext.models.xhrnet import SpatiallyUnidimensionalSelfAttention
from mmpose_ext.toolbox.visualization import Panel, Sample
from mmpose_ext.toolbox.visualization.drawing import heat
from mmpose_ext.toolbox.visualization.projections import fused_panel, fusion_panels


def visualize(module: nn.Module, model: nn.Module, sample: Sample) -> list[Panel]:
    """For each axis the mean over the channels, and the channel that varies most.

    Args:
        module: The backbone.
        model: The pose estimator.
        sample: One person.
    """
    panels = []
    for block, x in _last_blocks(module, model, sample):
        panels += _panels(block.attention(x)[0], block.axis, sample)
    return panels


def fusion(model: nn.Module, sample: Sample) -> list[Panel]:
    """Fig. 3: two vectors joined by product and by sum, those of a keypoint and those of blocks with their input.

    Of a block the channel is drawn whose attention varies most; whatever its fusion, both are drawn.

    Args:
        model: A pose estimator with X-HRNet and heatmaps, in ``eval()`` mode.
        sample: One person.

    Raises:
        ValueError: If the head has no heatmaps.
    """
    panels = fusion_panels(model, sample)
    with torch.no_grad():
        for block, x in _last_blocks(model.backbone, model, sample):
            attention = block.attention(x)[0]
            liveliest = int(attention.std(0).argmax())
            features, weights = x[0, :, :, liveliest], attention[:, liveliest]
            weights = weights[:, None] if block.axis == "H" else weights[None]
            name = f"{block.axis}-wise, channel {liveliest}"
            panels += [
                fused_panel(f"{name}, x * a", features * weights, sample),
                fused_panel(f"{name}, x + a", features + weights, sample),
            ]
    return panels


def _last_blocks(
    backbone: nn.Module, model: nn.Module, sample: Sample
) -> list[tuple[SpatiallyUnidimensionalSelfAttention, Tensor]]:
    """The last block of each axis at the highest resolution, with its input (1, H, W, C)."""
    blocks = [block for block in backbone.modules() if isinstance(block, SpatiallyUnidimensionalSelfAttention)]
    inputs: dict[SpatiallyUnidimensionalSelfAttention, Tensor] = {}
    handles = [block.register_forward_pre_hook(lambda b, x: inputs.update({b: x[0]})) for block in blocks]
    try:
        model.extract_feat(sample.pixels)
    finally:
        for handle in handles:
            handle.remove()
    found = []
    for axis in ("H", "W"):
        ran = [block for block in inputs if block.axis == axis]
        if ran:  # the ablations of Table 4 have one axis only
            size = max(inputs[block].shape[2] for block in ran)
            last = [block for block in ran if inputs[block].shape[2] == size][-1]
            found.append((last, inputs[last].permute(0, 2, 3, 1)))
    return found


def _panels(attention: Tensor, axis: str, sample: Sample) -> list[Panel]:
    """Draw one block's vector of shape (L, C)."""
    liveliest = int(attention.std(0).argmax())
    drawn = []
    for title, values in (("mean", attention.mean(1)), (f"channel {liveliest}", attention[:, liveliest])):
        stripe = values[:, None] if axis == "H" else values[None]
        span = f"{float(values.min()):.2f} to {float(values.max()):.2f}"
        drawn.append(Panel(f"{axis}-wise, {title}, {span}", heat(sample.image, stripe.cpu().numpy())))
    return drawn
