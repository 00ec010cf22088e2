"""How far the score of a keypoint tells whether it is right: PCK of keypoints by their score, as a table and a plot.

A keypoint is right within 0.2 of the torso, as in :mod:`mmpose_ext.evaluation.torso_pck`. The score is what the decoder
gives, the height of the heatmap's peak: it orders keypoints, and is a probability only where the curve is the diagonal.

Shapes: n keypoints of all persons, B bins.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import nn

from mmpose_ext.atomic import atomic_write
from mmpose_ext.evaluation.torso_pck import TORSO, torso_distances
from mmpose_ext.toolbox.networks import build_test_set

__all__ = ["Calibration", "Scored", "calibration", "plot_calibration", "score_validation"]


class Scored(NamedTuple):
    """Keypoints with a label, of all persons with a torso."""

    scores: np.ndarray
    """(n,)."""
    right: np.ndarray
    """(n,) bool."""


class Calibration(NamedTuple):
    """Keypoints in bins of their score; a bin without a keypoint is left out."""

    scores: np.ndarray
    """(B,) mean score."""
    accuracy: np.ndarray
    """(B,) share of right keypoints."""
    counts: np.ndarray
    """(B,)."""
    error: float
    """Expected calibration error: mean of |accuracy - score| over keypoints."""
    separation: float
    """Chance that a right keypoint has a higher score than a wrong one (area under the ROC curve)."""


def score_validation(model: nn.Module, config: Config, *, threshold: float = 0.2) -> Scored:
    """Run a network on the validation data of its config.

    Args:
        model: A pose estimator of MMPose in ``eval()`` mode.
        config: Its config, whose data name the keypoints of the torso.
        threshold: Allowed distance in torsos.
    """
    loader, _ = build_test_set(Config({**config.to_dict(), "test_dataloader": config.val_dataloader.to_dict()}))
    index: Mapping[str, Any] = loader.dataset.metainfo["keypoint_name2id"]
    torso, scores, right = (index[TORSO[0]], index[TORSO[1]]), [], []
    with torch.no_grad(), DefaultScope.overwrite_default_scope("mmpose"):
        for batch in loader:
            for sample in model.test_step(batch):
                truth, found = sample.gt_instances, sample.pred_instances
                visible = np.asarray(truth.keypoints_visible)
                labeled = visible.reshape(*visible.shape[:2], -1)[..., 0] > 0
                distances = torso_distances(
                    np.asarray(found.keypoints), np.asarray(truth.keypoints), labeled, torso=torso
                )
                counted = ~np.isnan(distances)
                scores.append(np.asarray(found.keypoint_scores)[counted])
                right.append(distances[counted] <= threshold)
    return Scored(np.concatenate(scores), np.concatenate(right))


def calibration(scored: Scored, *, bins: int = 10) -> Calibration:
    """Sort keypoints into bins of equal width of the score.

    Args:
        scored: Keypoints; scores below 0 and above 1 go to the first and the last bin.
        bins: How many.

    Raises:
        ValueError: If there is no keypoint.
    """
    if not len(scored.scores):
        raise ValueError("expected keypoints, got none")
    place = np.clip((scored.scores * bins).astype(int), 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    used = counts > 0
    score = np.bincount(place, scored.scores, minlength=bins)[used] / counts[used]
    accuracy = np.bincount(place, scored.right, minlength=bins)[used] / counts[used]
    error = float((np.abs(accuracy - score) * counts[used]).sum() / counts.sum())
    return Calibration(score, accuracy, counts[used], error, _separation(scored))


def _separation(scored: Scored) -> float:
    """Area under the ROC curve by ranks, equal scores with their mean rank; NaN if all are right or all wrong."""
    _, inverse, counts = np.unique(scored.scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    positives = int(scored.right.sum())
    negatives = len(scored.right) - positives
    if not positives or not negatives:
        return float("nan")
    return float((ranks[scored.right].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def plot_calibration(result: Calibration, path: Path, *, title: str) -> None:
    """Draw accuracy over score, and below it how many keypoints have that score.

    Args:
        result: The bins.
        path: Image to write.
        title: Over the plot.
    """
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(4.5, 5), sharex=True, height_ratios=(3, 1), constrained_layout=True
    )
    above.plot([0, 1], [0, 1], color="0.7", linewidth=1, label="probability")
    above.plot(result.scores, result.accuracy, marker="o", color="tab:blue", label="measured")
    above.set(ylabel="share within 0.2 of the torso", ylim=(0, 1), title=title)
    above.legend(frameon=False)
    below.bar(result.scores, result.counts, width=0.06, color="tab:blue")
    below.set(xlabel="score of the keypoint", ylabel="keypoints", xlim=(0, 1))
    with atomic_write(path) as partial:
        figure.savefig(partial, dpi=110)
    plt.close(figure)
