"""Person crops of a config's data sets in memory, without augmentation: for small studies that train many networks.

Shapes: N persons, K keypoints, H W height and width of a crop, h w those of a heatmap, a quarter of them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS, KEYPOINT_CODECS, MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor

from mmpose_ext.evaluation.torso_pck import TORSO, torso_distances
from mmpose_ext.toolbox.catalogue.configs import reason_of

__all__ = ["Crops", "load_crops", "pck"]


class Crops(NamedTuple):
    """Persons and what is to be predicted."""

    images: Tensor
    """(N, 3, H, W), normalized as the config says."""
    heatmaps: Tensor
    """(N, K, h, w)."""
    weights: Tensor
    """(N, K)."""
    keypoints: np.ndarray
    """(N, K, 2), in pixels of the crop."""
    labeled: np.ndarray
    """(N, K) bool."""
    torso: tuple[int, int]
    """Indices of both ends."""
    codec: Any
    """Decodes heatmaps."""

    @property
    def mean_heatmap(self) -> Tensor:
        """(K, h, w), over the persons whose keypoint is labeled: the best constant prediction."""
        weights = self.weights[..., None, None]
        return (self.heatmaps * weights).sum(0) / weights.sum(0).clamp_min(1)


def load_crops(config: Config, split: str, *, size: int, persons: int) -> Crops:
    """Load the first persons of a data set.

    Args:
        config: A top-down config.
        split: ``train`` or ``val``.
        size: H and W, a multiple of 4. Sigma of the heatmaps is an eighth of theirs: wide peaks are learned in fewer
            steps.
        persons: How many; all, if there are fewer.

    Raises:
        ValueError: If the config has no such data set, it can't be loaded, or has no keypoints of the torso.
    """
    codec = dict(type="MSRAHeatmap", input_size=(size, size), heatmap_size=(size // 4, size // 4), sigma=size / 32)
    pipeline = [
        dict(type="LoadImage"),
        dict(type="GetBBoxCenterScale"),
        dict(type="TopdownAffine", input_size=codec["input_size"]),
        dict(type="GenerateTarget", encoder=codec),
    ]
    if f"{split}_dataloader" not in config:
        raise ValueError(f"expected a config with a {split}_dataloader, got {config.filename}")
    with DefaultScope.overwrite_default_scope("mmpose"):
        settings = {**config[f"{split}_dataloader"].dataset.to_dict(), "pipeline": pipeline, "test_mode": False}
        try:
            data = DATASETS.build(settings)
        except Exception as error:  # each data set has its own errors
            raise ValueError(f"the data of {config.filename} can't be loaded ({reason_of(error)})") from error
        preprocessor = MODELS.build(config.model.data_preprocessor)
        decoder = KEYPOINT_CODECS.build(codec)
    index = data.metainfo["keypoint_name2id"]
    if any(name not in index for name in TORSO):
        raise ValueError(f"expected data with the keypoints {' and '.join(TORSO)}, got {config.filename}")
    found = [data[i] for i in range(min(persons, len(data)))]
    inputs = [torch.from_numpy(one["img"].transpose(2, 0, 1).copy()) for one in found]
    images = preprocessor(dict(inputs=inputs, data_samples=[PoseDataSample() for _ in found]), False)
    weights = np.concatenate([one["keypoint_weights"] for one in found])
    return Crops(
        torch.as_tensor(images["inputs"]),
        torch.from_numpy(np.stack([one["heatmaps"] for one in found])),
        torch.from_numpy(weights),
        np.concatenate([one["transformed_keypoints"] for one in found]),
        np.concatenate([one["keypoints_visible"] for one in found]).reshape(len(found), len(index), -1)[..., 0] > 0,
        (index[TORSO[0]], index[TORSO[1]]),
        decoder,
    )


def pck(heatmaps: Tensor, crops: Crops, *, threshold: float = 0.2) -> float:
    """Share of keypoints within a part of the torso, in percent.

    Args:
        heatmaps: (N, K, h, w).
        crops: The persons.
        threshold: Allowed distance in torsos.
    """
    predicted = np.concatenate([crops.codec.decode(one)[0] for one in heatmaps.float().numpy()])
    distances = torso_distances(predicted, crops.keypoints, crops.labeled, torso=crops.torso)
    return float(100 * (distances[~np.isnan(distances)] <= threshold).mean())
