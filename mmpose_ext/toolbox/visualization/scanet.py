"""BDMP-SCANet: the attention map before and after sharpening, over the temperature (Fig. 5 of the paper)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmpose_ext.models.scanet import SharperSpatialAttention
from mmpose_ext.models.scanet.sharper import gumbel_noise, gumbel_softmax, log_probabilities
from mmpose_ext.toolbox.visualization import Panel, Sample
from mmpose_ext.toolbox.visualization.drawing import heat

TEMPERATURES = (0.1, 0.5, 1.0, 2.0, 10.0)


def visualize(module: nn.Module, model: nn.Module, sample: Sample) -> list[Panel]:
    """The soft map, the normalized one, and for each temperature the sharp map without noise and as it is sampled.

    All maps but the soft one are drawn on a scale from 0 to 1. Every temperature gets the same noise.

    Args:
        module: One spatial attention of the network.
        model: The pose estimator.
        sample: One person.
    """
    assert isinstance(module, SharperSpatialAttention)
    maps = module.attention(_input_of(module, model, sample))
    log_p = log_probabilities(maps.normalized)
    noise = gumbel_noise(log_p, torch.Generator(log_p.device).manual_seed(0))

    every = [part for part in model.modules() if isinstance(part, SharperSpatialAttention)]
    stack = f"stack {every.index(module) + 1}: " if len(every) > 1 else ""

    def panel(title: str, values: Tensor, *, absolute: bool = True) -> Panel:
        limits = (0.0, 1.0) if absolute else None
        return Panel(stack + title, heat(sample.image, values[0, 0].cpu().numpy(), smooth=False, limits=limits))

    return [
        panel(f"soft, at most {float(maps.soft.max()):.4f}", maps.soft, absolute=False),
        panel("normalized, Eq. (5)", maps.normalized),
        *(panel(f"tau {tau:g}", gumbel_softmax(log_p, 0.0, tau)) for tau in TEMPERATURES),
        *(panel(f"tau {tau:g}, sampled", gumbel_softmax(log_p, noise, tau)) for tau in TEMPERATURES),
    ]


def _input_of(module: nn.Module, model: nn.Module, sample: Sample) -> Tensor:
    """What a part of the network gets when the network sees the sample."""
    seen: list[Tensor] = []
    handle = module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        model.extract_feat(sample.pixels)
    finally:
        handle.remove()
    first = seen[0]
    return first if isinstance(first, Tensor) else first[0]
