"""X-HRNet: the attention vectors of the last H-wise and the last W-wise block at the highest resolution, Eq. (4).

An attention vector has one value in (0, 1) for each row, or column, and channel; it is drawn over the whole row or
column, as it weights the whole of it (Fig. 2 of the paper).
"""

from __future__ import annotations

from torch import Tensor, nn

from mmpose_ext.models.xhrnet import SpatiallyUnidimensionalSelfAttention
from mmpose_ext.toolbox.visualization import Panel, Sample
from mmpose_ext.toolbox.visualization.drawing import heat


def visualize(module: nn.Module, model: nn.Module, sample: Sample) -> list[Panel]:
    """For each axis the mean over the channels, and the channel that varies most.

    Args:
        module: The backbone.
        model: The pose estimator.
        sample: One person.
    """
    blocks = [block for block in module.modules() if isinstance(block, SpatiallyUnidimensionalSelfAttention)]
    inputs: dict[SpatiallyUnidimensionalSelfAttention, Tensor] = {}
    handles = [block.register_forward_pre_hook(lambda b, x: inputs.update({b: x[0]})) for block in blocks]
    try:
        model.extract_feat(sample.pixels)
    finally:
        for handle in handles:
            handle.remove()
    panels = []
    for axis in ("H", "W"):
        ran = [block for block in inputs if block.axis == axis]
        if ran:  # the ablations of Table 4 have one axis only
            size = max(inputs[block].shape[2] for block in ran)
            last = [block for block in ran if inputs[block].shape[2] == size][-1]
            panels += _panels(last.attention(inputs[last].permute(0, 2, 3, 1))[0], axis, sample)
    return panels


def _panels(attention: Tensor, axis: str, sample: Sample) -> list[Panel]:
    """Draw one block's vector of shape (L, C)."""
    liveliest = int(attention.std(0).argmax())
    drawn = []
    for title, values in (("mean", attention.mean(1)), (f"channel {liveliest}", attention[:, liveliest])):
        stripe = values[:, None] if axis == "H" else values[None]
        span = f"{float(values.min()):.2f} to {float(values.max()):.2f}"
        drawn.append(Panel(f"{axis}-wise, {title}, {span}", heat(sample.image, stripe.cpu().numpy())))
    return drawn
