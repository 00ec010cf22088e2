"""The counting rule behind the tables of Lite-HRNet and X-HRNet: MACs of leaf modules, each with its last call.

Shapes: B batch, S positions of a stripe, C channels, H W height and width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from mmpose_ext.models.xhrnet.multi_resolution import MultiResolutionModule
from mmpose_ext.models.xhrnet.susa import ChannelwiseAffine

__all__ = ["LEAF_MODULES", "LeafModuleRule", "last_calls"]

Shape = Sequence[int]

Leaves = Sequence[tuple[nn.Module, Shape]]
"""Leaf modules and the shapes of their inputs."""


@dataclass(frozen=True)
class LeafModuleRule:
    """MACs of leaf modules, each counted once: with its last call.

    That is how the counter shipped with Lite-HRNet and X-HRNet counts. What has no entry in the table (sigmoid,
    softmax, layer norm, and all that is no module: matrix products, sums, interpolation) costs nothing, a module that
    is evaluated twice counts once, and their papers print the total in units of 2^20.

    A network written to be fast computes some of these layers without a module of that class. So that its cost under
    this rule is still that of the architecture, ``stands_for`` says which leaf modules the official code has there.

    Attributes:
        name: Name of the rule.
        unit: What one "M" is.
        text: One line for a table's legend.
        costs: Module class -> cost of one call, from the module and the shapes of its input and output.
        stands_for: Module class -> the leaf modules to count in addition to its children, from the module and its
            inputs.
    """

    name: str
    unit: int
    text: str
    costs: Mapping[type[nn.Module], Callable[[Any, Shape, Shape], int]]
    stands_for: Mapping[type[nn.Module], Callable[..., Leaves]]

    def __call__(self, network: nn.Module, images: Tensor) -> int:
        """Count one forward pass.

        Args:
            network: The network, in ``eval()`` mode and in its training form: a deployed one has lost its norms.
            images: (B, 3, H, W).
        """
        calls = last_calls(network, images, self.stands_for)
        return sum(self.cost(module, *shapes) for module, shapes in calls.items())

    def cost(self, module: nn.Module, before: Shape, after: Shape) -> int:
        """Cost of one call.

        Args:
            module: A leaf module.
            before: Shape of its input.
            after: Shape of its output.
        """
        for kind, function in self.costs.items():
            if isinstance(module, kind):
                return function(module, before, after)
        return 0


def last_calls(
    network: nn.Module, images: Tensor, stands_for: Mapping[type[nn.Module], Callable[..., Leaves]]
) -> dict[nn.Module, tuple[Shape, Shape]]:
    """Shapes of input and output of the last call of each leaf module.

    Args:
        network: The network.
        images: (B, 3, H, W).
        stands_for: See :class:`LeafModuleRule`.
    """
    calls: dict[nn.Module, tuple[Shape, Shape]] = {}
    declared: dict[nn.Module, list[tuple[nn.Module, Shape, Shape]]] = {}

    def record_leaf(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if inputs and isinstance(inputs[0], Tensor) and isinstance(output, Tensor):
            calls[module] = inputs[0].shape, output.shape

    def record_declared(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        leaves = stands_for[type(module)](module, *inputs)
        declared[module] = [(leaf, shape, _output_shape(leaf, shape)) for leaf, shape in leaves]

    handles = []
    for module in network.modules():
        if type(module) in stands_for:
            handles.append(module.register_forward_hook(record_declared))
        elif next(module.children(), None) is None:
            handles.append(module.register_forward_hook(record_leaf))
    try:
        with torch.no_grad():
            network(images)
    finally:
        for handle in handles:
            handle.remove()
    for leaves in declared.values():
        calls.update((leaf, (before, after)) for leaf, before, after in leaves)
    return calls


def _output_shape(leaf: nn.Module, shape: Shape) -> Shape:
    """Shape that a leaf module on the meta device makes of an input that it was never given."""
    with torch.no_grad():
        return leaf.to("meta")(torch.empty(tuple(shape), device="meta")).shape


def _conv(module: _ConvNd, before: Shape, after: Shape) -> int:
    """Each output element (of a transposed convolution: input element) meets one filter, and its bias."""
    where = before if module.transposed else after
    return math.prod(where) * math.prod(module.weight.shape[1:]) + math.prod(after) * (module.bias is not None)


def _linear(module: nn.Linear, before: Shape, after: Shape) -> int:
    """A 1x1 convolution: the counter itself only knows linear layers of flat vectors, and drops their bias."""
    return math.prod(after) * (module.in_features + (module.bias is not None))


def _batch_norm(module: _BatchNorm, before: Shape, after: Shape) -> int:
    return math.prod(before) * (2 if module.affine else 1)


def _per_element(module: nn.Module, before: Shape, after: Shape) -> int:
    return math.prod(before)


def _upsample(module: nn.Module, before: Shape, after: Shape) -> int:
    """The counter overlooks the channels."""
    return after[0] * math.prod(after[2:])


def _adaptive_pool(module: nn.Module, before: Shape, after: Shape) -> int:
    """The counter takes each window for one row and one column larger than it is."""
    windows = 1
    for size, out in zip(before[2:], after[2:], strict=True):
        windows *= sum(math.ceil((i + 1) * size / out) - i * size // out + 1 for i in range(out))
    return before[0] * before[1] * windows


def _scale_and_shift(module: ChannelwiseAffine, x: Tensor) -> Leaves:
    """A depthwise 1x1 convolution of the stripe (B, S, C)."""
    batch, positions, channels = x.shape
    return [(nn.Conv2d(channels, channels, 1, groups=channels, device="meta"), (batch, channels, positions, 1))]


def _exchange(module: MultiResolutionModule, maps: Sequence[Tensor]) -> Leaves:
    """One upsampling for each pair of branches, and one ReLU that all branches share, last called on the lowest."""
    leaves: list[tuple[nn.Module, Shape]] = [(nn.ReLU(), maps[-1].shape)]
    for i, target in enumerate(maps):
        for j, source in enumerate(maps[i + 1 :], start=1):
            leaves.append((nn.Upsample(scale_factor=2**j), (*target.shape[:2], *source.shape[2:])))
    return leaves


LEAF_MODULES = LeafModuleRule(
    "leaf-modules",
    2**20,
    "the rule of the Lite-HRNet and X-HRNet papers: leaf modules, each with its last call, in 2^20",
    costs={
        _ConvNd: _conv,
        nn.Linear: _linear,
        _BatchNorm: _batch_norm,
        nn.ReLU: _per_element,
        nn.ReLU6: _per_element,
        nn.PReLU: _per_element,
        nn.LeakyReLU: _per_element,
        nn.ELU: _per_element,
        nn.MaxPool2d: _per_element,
        nn.AvgPool2d: _per_element,
        nn.AdaptiveAvgPool2d: _adaptive_pool,
        nn.Upsample: _upsample,
    },
    stands_for={ChannelwiseAffine: _scale_and_shift, MultiResolutionModule: _exchange},
)
