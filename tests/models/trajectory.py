"""A short training in float64 on made-up batches, for the official codes (``make_golden.py``) and for ours.

Weights, images and targets follow from names, shapes and seeds, so a golden file holds results only.

Shapes: B batch, K keypoints, h w height and width of a heatmap.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

GAINS = ((".mean_conv.", 4.0), (".quality_predictor.mlp.6.weight", 2.0))
"""Part of an official name -> factor for weights whose effect would otherwise drown."""


def weight(key: str, shape: Sequence[int], seed: int) -> Tensor:
    """One tensor of an official network, from its name, its shape and the seed.

    Args:
        key: Official name.
        shape: Its shape.
        seed: Any number.
    """
    last = key.rsplit(".", 1)[-1]
    if last == "num_batches_tracked":
        return torch.zeros(tuple(shape), dtype=torch.int64)
    noise = np.asarray(np.random.RandomState((zlib.crc32(key.encode()) ^ seed) & 0xFFFFFFFF).standard_normal(shape))
    if last == "running_var":
        noise = 0.5 + np.abs(noise)
    elif last in ("running_mean", "bias"):
        noise = 0.1 * noise + (1.0 if key.endswith("quality_predictor.mlp.6.bias") else 0.0)
    elif last == "group_weight":
        noise = 1 + 0.5 * noise
    elif "pos_embed" in key or last.endswith("_token") or last.endswith("_tokens"):
        noise = 0.2 * noise
    elif len(shape) == 1:
        noise = 1 + 0.1 * noise
    else:
        gain = next((gain for part, gain in GAINS if part in key), 1.0)
        noise = noise * (gain / math.sqrt(np.prod(shape[1:])))
    return torch.from_numpy(noise.astype(np.float32))


class Batch(NamedTuple):
    """What one step learns from."""

    images: Tensor
    """(B, 3, 4 h, 4 w)."""
    targets: Tensor
    """(B, K, h, w)."""
    weights: Tensor
    """0 or 1, (B, K)."""


def batch(seed: int, size: tuple[int, int], *, persons: int = 2, keypoints: int = 17) -> Batch:
    """Noise, one Gaussian with sigma 1.5 for each keypoint, and every fifth keypoint or so without a label.

    Args:
        seed: Any number.
        size: Height and width of the images.
        persons: B.
        keypoints: K.
    """
    rng = np.random.RandomState(seed)
    height, width = size[0] // 4, size[1] // 4
    images = rng.standard_normal((persons, 3, *size))
    x, y = (rng.uniform(0, side, (persons, keypoints, 1, 1)) for side in (width, height))
    rows, columns = np.arange(height)[:, None], np.arange(width)
    targets = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 1.5**2))
    labeled = (rng.uniform(size=(persons, keypoints)) > 0.2).astype(float)
    return Batch(*(torch.from_numpy(array) for array in (images, targets, labeled)))


class Course(NamedTuple):
    """What a training is made of."""

    size: tuple[int, int]
    """Height and width of the images."""
    steps: int
    optimizer: Mapping[str, Any]
    """``type`` in ``torch.optim`` and its arguments."""
    seed: int = 1
    epoch: int = 10
    """Steps in an epoch, of as many different batches."""


Losses = Callable[[Batch, int], Mapping[str, Tensor]]
"""The losses of a batch, given the number of the epoch from 0."""


def train(
    network: nn.Module,
    losses: Losses,
    course: Course,
    *,
    after_epoch: Callable[[int], None] = lambda epoch: None,
) -> tuple[np.ndarray, dict[str, float]]:
    """Train.

    Args:
        network: In float64.
        losses: Of a batch, by name.
        course: Data, length and optimizer.
        after_epoch: Called with the number of each epoch that has ended.

    Returns:
        Losses (steps, number of losses), their names in alphabetical order, and the norm of the gradient of each
        parameter in the first step.
    """
    options = dict(course.optimizer)
    optimizer = getattr(torch.optim, options.pop("type"))(network.parameters(), **options)
    batches = [batch(course.seed + number, course.size) for number in range(course.epoch)]
    rows, norms = [], {}
    for step in range(course.steps):
        network.train()
        values = losses(batches[step % course.epoch], step // course.epoch)
        rows.append([float(values[name].detach()) for name in sorted(values)])
        optimizer.zero_grad()
        torch.stack([value for value in values.values()]).sum().backward()
        if step == 0:
            norms = {name: norm(parameter.grad) for name, parameter in network.named_parameters()}
        optimizer.step()
        if (step + 1) % course.epoch == 0:
            after_epoch(step // course.epoch)
    return np.array(rows), norms


def norm(gradient: Tensor | None) -> float:
    """Of a gradient; -1 where there is none."""
    return -1.0 if gradient is None else float(gradient.norm())


def fill(shapes: Mapping[str, Sequence[int]], seed: int) -> dict[str, Tensor]:
    """A whole official state dict by :func:`weight`, in float64.

    Args:
        shapes: Official name -> shape.
        seed: Any number.
    """
    filled = {key: weight(key, shape, seed) for key, shape in shapes.items()}
    return {key: value.double() if value.is_floating_point() else value for key, value in filled.items()}


def largest_difference(found: Iterable[float], expected: Iterable[float], *, floor: float) -> float:
    """Largest relative difference, where values below the floor count as the floor."""
    a, b = np.asarray(list(found)), np.asarray(list(expected))
    return float((np.abs(a - b) / np.maximum(np.abs(b), floor)).max())


def samples(data: Batch) -> list[PoseDataSample]:
    """The targets of a batch, as the heads of MMPose take them."""
    result = []
    for targets, weights in zip(data.targets, data.weights, strict=True):
        sample = PoseDataSample()
        sample.gt_fields = PixelData(heatmaps=targets)
        sample.gt_instance_labels = InstanceData(keypoint_weights=weights[None])
        result.append(sample)
    return result


class Golden(NamedTuple):
    """A golden file."""

    shapes: dict[str, tuple[int, ...]]
    """Official name -> shape, of the whole state dict."""
    norms: dict[str, float]
    """Official name of a parameter -> norm of its gradient in the first step."""
    arrays: Mapping[str, np.ndarray]
    """The results."""

    def norms_by(self, convert: Callable[[dict[str, Tensor]], dict[str, Tensor]]) -> dict[str, float]:
        """Norms by our names.

        Args:
            convert: From an official state dict to ours.
        """
        numbers = {name: torch.full(shape, index) for index, (name, shape) in enumerate(self.shapes.items())}
        official = list(self.shapes)
        ours = {name: official[int(value.flatten()[0])] for name, value in convert(numbers).items()}
        return {name: self.norms[key] for name, key in ours.items() if key in self.norms}


def read(path: Path) -> Golden:
    """Read a golden file.

    Args:
        path: Written by ``make_golden.py``.
    """
    data = np.load(path)
    shapes = {
        str(key): tuple(map(int, str(text).split())) for key, text in zip(data["keys"], data["shapes"], strict=True)
    }
    return Golden(shapes, dict(zip(map(str, data["norm_keys"]), map(float, data["norms"]), strict=True)), data)
