"""What a network looks at, drawn over the image: ``mmpose-ext visualize``.

A paper joins with one module beside this file and one line in :data:`PROVIDERS` for each class that has something to
show. The module has a function

    def visualize(module: nn.Module, model: nn.Module, sample: Sample) -> list[Panel]

which gets the part of the network that it was registered for, the whole pose estimator in ``eval()`` mode, and one
person. It runs what it needs (``model.backbone(sample.pixels)``, with hooks where a value is not returned) and returns
images as large as ``sample.image``. :mod:`.drawing` has heat maps and masks for it.
"""

from __future__ import annotations

import importlib
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["PROVIDERS", "Panel", "Sample", "panels_of"]

PROVIDERS: dict[str, str] = {
    "HighLevelSpatialAttention": "mmpose_ext.toolbox.visualization.sfm",
    "SpatialAttention": "mmpose_ext.toolbox.visualization.sfm",
    "SHaRPose": "mmpose_ext.toolbox.visualization.sharpose",
    "SSNResNet": "mmpose_ext.toolbox.visualization.ssn",
    "SharperSpatialAttention": "mmpose_ext.toolbox.visualization.scanet",
    "XHRNet": "mmpose_ext.toolbox.visualization.xhrnet",
}
"""Name of a class anywhere in a pose estimator -> the module whose ``visualize`` draws for it."""


class Sample(NamedTuple):
    """One person, as the network sees it."""

    image: np.ndarray
    """The crop before normalization, uint8 RGB, (H, W, 3)."""
    pixels: Tensor
    """The crop as the network takes it, (1, 3, H, W)."""


class Panel(NamedTuple):
    """One image with its title."""

    title: str
    """A few words; they are drawn above the image."""
    image: np.ndarray
    """Uint8 RGB, (H, W, 3), of the size of the sample's."""


def panels_of(model: nn.Module, sample: Sample) -> list[Panel]:
    """Draw all that is known about a network.

    Args:
        model: A pose estimator in ``eval()`` mode.
        sample: One person.

    Raises:
        ValueError: If nothing is known about any part of the network.
    """
    panels: list[Panel] = []
    known = [module for module in model.modules() if type(module).__name__ in PROVIDERS]
    if not known:
        raise ValueError(
            f"expected a network with one of {', '.join(PROVIDERS)}, got "
            f"{', '.join(type(part).__name__ for part in model.children())}"
        )
    with torch.no_grad():
        for module in known:
            provider = importlib.import_module(PROVIDERS[type(module).__name__])
            panels += provider.visualize(module, model, sample)
    return panels
