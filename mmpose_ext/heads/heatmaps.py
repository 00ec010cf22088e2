"""Heatmaps between a network, its data samples and NumPy: the steps that every heatmap head repeats.

The formulas are those of MMPose's ``HeatmapHead``, which has them inside methods that call its own ``forward``.

Shapes: B batch, K keypoints, h w height and width of a heatmap; T target maps, K or a multiple of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from mmengine.structures import PixelData
from mmpose.evaluation.functional import pose_pck_accuracy
from mmpose.models.utils.tta import flip_heatmaps
from mmpose.utils.tensor_utils import to_numpy
from mmpose.utils.typing import ConfigType, OptSampleList
from torch import Tensor

__all__ = ["Supervision", "flip_average", "heatmap_fields", "last_heatmaps", "pose_accuracy", "stack_supervision"]


class Supervision(NamedTuple):
    """What a batch of data samples says about its heatmaps."""

    target: Tensor
    """Target heatmaps, (B, T, h, w)."""
    weights: Tensor
    """Keypoint weights, 0 for keypoints without a label, (B, K)."""


def stack_supervision(data_samples: OptSampleList) -> Supervision:
    """Collect the targets of a batch.

    Args:
        data_samples: B samples with ``gt_fields.heatmaps`` and ``gt_instance_labels.keypoint_weights``.
    """
    return Supervision(
        torch.stack([sample.gt_fields.heatmaps for sample in data_samples]),
        torch.cat([sample.gt_instance_labels.keypoint_weights for sample in data_samples]),
    )


def pose_accuracy(heatmaps: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """PCK of predicted against target heatmaps, a scalar from 0 to 1 for the log of a training.

    Args:
        heatmaps: (B, K, h, w), of any floating type.
        target: (B, K, h, w).
        weights: (B, K); keypoints with weight 0 are left out.
    """
    output = heatmaps.detach().to(torch.promote_types(heatmaps.dtype, torch.float32))  # NumPy has no bfloat16
    _, accuracy, _ = pose_pck_accuracy(to_numpy(output), to_numpy(target), to_numpy(weights) > 0)
    return target.new_tensor(accuracy)


def flip_average(heatmaps: Tensor, mirrored: Tensor, data_samples: OptSampleList, test_cfg: ConfigType) -> Tensor:
    """Average the heatmaps of images with those of their mirror images, which are flipped back.

    Args:
        heatmaps: Of the images, (B, K, h, w).
        mirrored: Of the mirror images, same shape.
        data_samples: Their samples; the first has the ``flip_indices`` of all.
        test_cfg: ``flip_mode`` and ``shift_heatmap``, as in MMPose.
    """
    flipped = flip_heatmaps(
        mirrored,
        flip_mode=test_cfg.get("flip_mode", "heatmap"),
        flip_indices=data_samples[0].metainfo["flip_indices"],
        shift_heatmap=test_cfg.get("shift_heatmap", False),
    )
    return (heatmaps + flipped) * 0.5


def heatmap_fields(heatmaps: Tensor) -> list[PixelData]:
    """Heatmaps (B, K, h, w) as ``pred_fields``, one for each sample."""
    return [PixelData(heatmaps=sample) for sample in heatmaps.detach()]


def last_heatmaps(output: Tensor | Sequence[Any]) -> Tensor:
    """The heatmaps that a head predicts with: its only ones, or those of its last stage.

    Args:
        output: What ``forward`` of a head returned.

    Raises:
        ValueError: If these are no heatmaps (B, K, h, w).
    """
    while isinstance(output, (list, tuple)) and len(output):
        output = output[-1]
    if not isinstance(output, Tensor) or output.ndim != 4:
        came = f"shape {tuple(output.shape)}" if isinstance(output, Tensor) else type(output).__name__
        raise ValueError(f"expected a head whose output is heatmaps (B, K, h, w), got {came}")
    return output
