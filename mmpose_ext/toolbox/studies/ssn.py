"""What the feature shifting modules of an SSN have learned: the analyses of the paper's section 4.1 and supplement 1.

Spatial Shortcut Network for Human Pose Estimation, https://arxiv.org/abs/1904.03141, Figures 5 to 7.

Deviations:
    - Scores are absolute values, averaged over images before they are normalized, and normalized by the largest of a
      channel; the paper says "normalize within each shifting channel" and shows a threshold of 0.5.

Shapes: B images, C channels, K shifting channels, M keypoints, H W height and width of the map of the module.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mmpose_ext.models.ssn import FeatureShiftModule, LearnedShift
from mmpose_ext.models.ssn.feature_shift_module import window_energy
from mmpose_ext.models.ssn.head import SSNHead

__all__ = [
    "SOURCES",
    "Offsets",
    "Taps",
    "Window",
    "effective_receptive_field",
    "modules_of",
    "offsets_of",
    "record",
    "scores",
    "shifted_positions",
]

SOURCES = ("input", "shifted", "attention", "non-local")
"""The maps of a module that scores are computed for; Figure 5 has the second, Figure 6 the others."""


class Offsets(NamedTuple):
    """Learned offsets of one module."""

    name: str
    """FSM1, FSM2, ... in the order of the network."""
    size: tuple[int, int]
    """Height and width of its map."""
    pixels: Tensor
    """(K, 2), dx and dy in pixels of that map."""


class Taps(NamedTuple):
    """Maps of one module in one forward pass; see :data:`SOURCES`."""

    input: Tensor
    shifted: Tensor
    attention: Tensor | None
    non_local: Tensor


class Window(NamedTuple):
    """The convolution window that a module forms at one position for one output channel, Eq. (5)."""

    positions: Tensor
    """(K, 2), x and y that the K shifted channels are read at."""
    energy: Tensor
    """(K,), in [0, 1]: the weight of each, divided by the largest."""


def modules_of(network: nn.Module) -> dict[str, FeatureShiftModule]:
    """The modules of a network that shift, as FSM1, FSM2, ...

    Raises:
        ValueError: If there is none.
    """
    found = [module for module in network.modules() if isinstance(module, FeatureShiftModule)]
    if not found:
        raise ValueError(f"expected a network with FeatureShiftModules, got {type(network).__name__} without one")
    return {f"FSM{i}": module for i, module in enumerate(found, start=1)}


@torch.no_grad()
def offsets_of(network: nn.Module, images: Tensor) -> list[Offsets]:
    """Offsets of all modules in pixels of their maps (Figure 5).

    Args:
        network: Maps images to anything.
        images: (B, 3, H, W), of the size that the network is used at; their content does not matter.

    Raises:
        ValueError: If no module shifts.
    """
    modules = {name: fsm for name, fsm in modules_of(network).items() if isinstance(fsm.shift, LearnedShift)}
    if not modules:
        raise ValueError("expected modules with offsets, got only such as were built with shifting=False")
    sizes: dict[str, tuple[int, int]] = {}
    handles = [
        fsm.register_forward_hook(lambda _, inputs, __, name=name: sizes.update({name: tuple(inputs[0].shape[2:])}))
        for name, fsm in modules.items()
    ]
    try:
        network(images)
    finally:
        for handle in handles:
            handle.remove()
    return [
        Offsets(name, sizes[name], fsm.shift.pixel_offsets(*sizes[name]).detach().clone())
        for name, fsm in modules.items()
        if isinstance(fsm.shift, LearnedShift)
    ]


@contextmanager
def record(fsm: FeatureShiftModule) -> Iterator[list[Taps]]:
    """Collect the maps of a module in each forward pass inside the ``with`` block."""
    seen: dict[str, Tensor] = {}
    taps: list[Taps] = []

    def keep(name: str, part: nn.Module) -> torch.utils.hooks.RemovableHandle:
        return part.register_forward_hook(lambda _, __, output: seen.update({name: output}))

    def finish(_: nn.Module, inputs: tuple[Tensor, ...], __: Tensor) -> None:
        taps.append(Taps(inputs[0], seen["shifted"], seen.pop("attention", None), seen["non-local"]))

    handles = [keep("shifted", fsm.shift), keep("non-local", fsm.expand), fsm.register_forward_hook(finish)]
    if fsm.attention is not None:
        handles.append(keep("attention", fsm.attention))
    try:
        yield taps
    finally:
        for handle in handles:
            handle.remove()


def scores(
    model: nn.Module, fsm: FeatureShiftModule, batches: Iterable[Tensor], *, predictor: str, source: str = "shifted"
) -> Tensor:
    """How much each keypoint depends on each channel of a module (supplement 1).

    For a keypoint, the network's own heatmaps with a zero at the peak of that keypoint are the target of a mean
    squared error, whose gradient with respect to the maps is averaged over all positions.

    Args:
        model: A pose estimator with an :class:`SSNHead`, in ``eval()`` mode.
        fsm: One of its modules.
        batches: Images, (B, 3, H, W) each.
        predictor: Name of the predictor that the gradients come from.
        source: One of :data:`SOURCES`.

    Returns:
        (M, channels of the source), in [0, 1]; 1 for the keypoint that a channel has most to do with.

    Raises:
        ValueError: If the source is unknown, or if the predictor or the attention does not exist.
    """
    if source not in SOURCES:
        raise ValueError(f"expected a source among {', '.join(SOURCES)}, got {source!r}")
    if not isinstance(model.head, SSNHead):
        raise ValueError(f"expected a model with an SSNHead, got {type(model.head).__name__}")
    total, images = torch.zeros(()), 0
    for batch in batches:
        with record(fsm) as taps, torch.enable_grad():
            heatmaps = model.head.heatmaps_of(predictor, model.extract_feat(batch.requires_grad_()))
        maps = getattr(taps[0], source.replace("-", "_"))
        if maps is None:
            raise ValueError("expected a module with correlation attention, got one without")
        total = total + torch.stack([_dependence(heatmaps, maps, m) for m in range(heatmaps.shape[1])])
        images += len(batch)
    if not images:
        raise ValueError("expected at least one image, got none")
    total = total / images
    return total / total.amax(0, keepdim=True).clamp_min(1e-30)


def _dependence(heatmaps: Tensor, maps: Tensor, keypoint: int) -> Tensor:
    """Sum over the images of the absolute mean gradient, (channels,)."""
    target = heatmaps.detach().clone()
    peak = target[:, keypoint].flatten(1).argmax(1)
    target[torch.arange(len(target)), keypoint, peak // target.shape[3], peak % target.shape[3]] = 0
    loss = (heatmaps - target).square().flatten(1).mean(1).sum()  # a mean over each image, so that they don't mix
    (gradient,) = torch.autograd.grad(loss, maps, retain_graph=True, allow_unused=True)
    if gradient is None:
        raise ValueError("expected a module in front of the predictor, got one that it does not depend on")
    return gradient.mean((2, 3)).abs().sum(0)


@torch.enable_grad()
def effective_receptive_field(fsm: FeatureShiftModule, x: Tensor, channel: int, point: tuple[int, int]) -> Tensor:
    """Squared gradients of one number of a non-local map with respect to the input maps, summed over them (Figure 7).

    Args:
        fsm: A module in ``eval()`` mode.
        x: Its input for one image, (1, C, H, W).
        channel: Of the non-local maps.
        point: x and y.

    Returns:
        (H, W).
    """
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(fsm.non_local(x)[0, channel, point[1], point[0]], x)
    return gradient[0].square().sum(0)


@torch.no_grad()
def shifted_positions(fsm: FeatureShiftModule, x: Tensor, channel: int, point: tuple[int, int]) -> Window:
    """Where a module reads from at one position, and how much each place counts (Figure 7).

    Args:
        fsm: A module in ``eval()`` mode.
        x: Its input for one image, (1, C, H, W).
        channel: Of the non-local maps.
        point: x and y.
    """
    count = fsm.reduce.out_channels
    attention = fsm.attention(x)[0, :, point[1], point[0]] if fsm.attention is not None else torch.ones(count)
    energy = window_energy(fsm, attention)[channel]
    offsets = fsm.shift.pixel_offsets(*x.shape[2:]) if isinstance(fsm.shift, LearnedShift) else torch.zeros(count, 2)
    place = torch.tensor(point, dtype=offsets.dtype) - offsets  # Eq. (1): what is shifted by d was read at -d
    return Window(place, energy / energy.max().clamp_min(1e-30))
