"""From an image file to what a top-down network sees of each person in it, by the config's own test pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import DefaultScope
from mmpose.apis.inference import dataset_meta_from_config
from mmpose.structures import PoseDataSample
from mmpose.visualization import PoseLocalVisualizer
from torch import nn

from mmpose_ext.image_file import read_image
from mmpose_ext.toolbox.visualization import Panel, Sample

Box = Sequence[float]
"""x, y, width, height in pixels."""


class TopdownReader:
    """Crops persons as the test pipeline of a config does.

    Args:
        config: A config with a test data set.
        model: The pose estimator of this config, in ``eval()`` mode.

    Raises:
        ValueError: If the config's data set says nothing about its keypoints.
    """

    def __init__(self, config: Config, model: nn.Module) -> None:
        self.model = model
        self.scope = config.get("default_scope", "mmpose")
        if not config.get("test_dataloader"):
            raise ValueError(f"expected a config with a test pipeline, got {config.filename} without test_dataloader")
        with DefaultScope.overwrite_default_scope(self.scope):
            try:
                self.pipeline = Compose(config.test_dataloader.dataset.pipeline)
                meta = dataset_meta_from_config(config, "test")
            except Exception as error:  # each transform and data set has its own errors
                raise ValueError(f"the test pipeline of {config.filename} can't be built ({error})") from error
        if meta is None:
            raise ValueError("expected a config whose test data set has metainfo, got none")
        self.meta: dict[str, Any] = meta

    def read(self, path: Path, box: Box | None = None) -> tuple[Sample, Panel]:
        """Crop one person.

        Args:
            path: An image.
            box: Of the person; None for all of the image.

        Returns:
            The person, and an image of the predicted pose.

        Raises:
            ValueError: If the file can't be read as an image.
        """
        image = read_image(path)
        batch = self._batch(image, box)
        sample = self._sample(batch)
        with DefaultScope.overwrite_default_scope(self.scope):
            (result,) = self.model.test_step(batch)
        return sample, Panel("pose", self._pose(sample.image, result))

    def crop(self, image: np.ndarray, box: Box | None = None) -> Sample:
        """Crop one person without looking for a pose.

        Args:
            image: Pixels (H, W, 3), blue, green, red.
            box: Of the person; None for all of the image.
        """
        return self._sample(self._batch(image, box))

    def _batch(self, image: np.ndarray, box: Box | None) -> dict[str, Any]:
        x, y, width, height = box if box is not None else (0, 0, image.shape[1], image.shape[0])
        if min(width, height) <= 0:
            raise ValueError(f"expected a box x, y, width, height with a size above 0, got {list(box or [])}")
        info = dict(img=image, bbox=np.array([[x, y, x + width, y + height]], dtype=np.float32))
        info |= dict(bbox_score=np.ones(1, dtype=np.float32), **self.meta)
        return pseudo_collate([self.pipeline(info)])

    def _sample(self, batch: dict[str, Any]) -> Sample:
        image = batch["inputs"][0].permute(1, 2, 0).numpy()[..., ::-1]
        with DefaultScope.overwrite_default_scope(self.scope):
            pixels = self.model.data_preprocessor(batch, False)["inputs"]
        zooms = (self.model.test_cfg or {}).get("zooms", ())
        if 1 in zooms and pixels.shape[2] % len(zooms) == 0:  # a strip of crops: the one that is neither near nor far
            height = pixels.shape[2] // len(zooms)
            rows = slice(list(zooms).index(1) * height, (list(zooms).index(1) + 1) * height)
            image, pixels = image[rows], pixels[:, :, rows]
        return Sample(np.ascontiguousarray(image), pixels)

    def _pose(self, image: np.ndarray, result: PoseDataSample) -> np.ndarray:
        """Draw the predicted pose over the crop."""
        size = np.array(image.shape[1::-1])
        center, scale = (np.asarray(result.metainfo[name]) for name in ("input_center", "input_scale"))
        result.pred_instances.keypoints = (result.pred_instances.keypoints - center + scale / 2) / scale * size
        visualizer = PoseLocalVisualizer(radius=max(2, size[0] // 64), line_width=max(1, size[0] // 96))
        visualizer.set_dataset_meta(self.meta)
        visualizer.add_datasample("pose", image, result, draw_gt=False, draw_bbox=False, show_kpt_idx=False)
        return visualizer.get_image()
