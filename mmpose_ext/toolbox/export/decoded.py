"""Which outputs of a pose estimator are decoded to keypoints.

A network with several predictors (stacks, pyramid levels) returns a map of each, and its head decodes one of them. An
exported file needs that one only; programs that decode heatmaps take the first output for it.

Shapes: B batch, K keypoints, H W input, h w heatmap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmpose_ext.toolbox.export.onnx_file import flatten_output
from mmpose_ext.toolbox.networks import PoseNet

__all__ = ["DecodedOutputs", "decoded_outputs"]


class _Seen(Exception):
    """Ends a prediction at the place where its outputs are known."""


class DecodedOutputs(nn.Module):
    """A network reduced to some of its outputs.

    Shape: images (B, 3, H, W) -> a tuple of tensors, e.g. one of heatmaps (B, K, h, w).

    Args:
        network: Any network.
        indices: Numbers of the outputs to keep, in the order of :func:`.flatten_output`.
    """

    def __init__(self, network: nn.Module, indices: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self.indices = tuple(indices)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Run the network and keep what is wanted."""
        outputs = flatten_output(self.network(images))
        return tuple(outputs[i] for i in self.indices)


def decoded_outputs(network: PoseNet, shape: tuple[int, int]) -> tuple[int, ...]:
    """Numbers of the outputs that the head hands to its codec, found by one prediction on a random image.

    Args:
        network: A pose estimator with a head, in ``eval()`` mode.
        shape: Input height and width.

    Returns:
        Numbers in the order of :func:`.flatten_output`.

    Raises:
        ValueError: If the head decodes something else than its outputs.
    """
    model = network.model
    seen: list[Tensor] = []
    images = torch.randn(1, 3, *shape, generator=torch.Generator().manual_seed(0))

    def spy(outputs: Any) -> None:
        seen.extend(flatten_output(outputs))
        raise _Seen

    with torch.no_grad():
        outputs = flatten_output(network(images))
        model.head.decode = spy
        try:
            model.head.predict(model.extract_feat(images), [], {**(model.test_cfg or {}), "flip_test": False})
        except _Seen:
            pass
        finally:
            del model.head.decode
    indices = [next((i for i, out in enumerate(outputs) if _equal(out, one)), None) for one in seen]
    if not indices or None in indices:
        raise ValueError(f"expected {type(model.head).__name__} to decode its own outputs, got something else")
    return tuple(index for index in indices if index is not None)


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.numel() == b.numel() and torch.equal(a.flatten(), b.flatten())
