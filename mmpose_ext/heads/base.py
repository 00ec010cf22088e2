"""The base of this package's heatmap heads: prediction with a flip test, average and decoding.

MMPose's ``HeatmapHead.predict`` does this with what ``forward`` returns, which must be one tensor, and its constructor
builds deconvolutions. A head with several outputs fits neither, so it says by :meth:`HeatmapHeadBase.final_heatmaps`
which of them it predicts with.

Shapes: B batch, K keypoints, h w height and width of a heatmap.
"""

from __future__ import annotations

import torch
from mmpose.models.heads import BaseHead
from mmpose.registry import KEYPOINT_CODECS
from mmpose.utils.typing import ConfigType, Features, OptConfigType, OptSampleList, Predictions
from torch import Tensor

from mmpose_ext.heads.heatmaps import flip_average, heatmap_fields, last_heatmaps

__all__ = ["HeatmapHeadBase"]


class HeatmapHeadBase(BaseHead):
    """A head that predicts keypoints from heatmaps; a subclass adds layers, ``forward`` and ``loss``.

    Args:
        decoder: Config of the codec; None for a head that is only trained.
        init_cfg: Config of the initialization.
    """

    def __init__(self, decoder: OptConfigType = None, init_cfg: dict | list[dict] | None = None) -> None:
        super().__init__(init_cfg)
        self.decoder = KEYPOINT_CODECS.build(decoder) if decoder is not None else None

    def final_heatmaps(self, feats: Features, test_cfg: ConfigType) -> Tensor:
        """Heatmaps (B, K, h, w) that keypoints are decoded from: the last that ``forward`` returns.

        Args:
            feats: What the backbone or the neck returned.
            test_cfg: The options of the test.
        """
        del test_cfg
        return last_heatmaps(self.forward(feats))

    def predict(self, feats: Features, batch_data_samples: OptSampleList, test_cfg: ConfigType) -> Predictions:
        """Predict keypoints, as MMPose's ``HeatmapHead`` does.

        Args:
            feats: What the backbone or the neck returned; with ``flip_test`` a list of that of the images and that of
                their mirror images.
            batch_data_samples: Their samples.
            test_cfg: ``flip_test``, ``flip_mode``, ``shift_heatmap``, ``output_heatmaps``, and what the head adds.

        Returns:
            One ``InstanceData`` for each sample, and with ``output_heatmaps`` also one ``PixelData`` for each.

        Raises:
            ValueError: If ``flip_test`` is set and the features are not those of two passes.
        """
        if test_cfg.get("flip_test", False):
            if not isinstance(feats, list) or len(feats) != 2:
                raise ValueError(
                    "with flip_test a head expects a list of two: the features of the images and those of their "
                    f"mirror images, got {type(feats).__name__} of {len(feats)}"
                )
            image, mirrored = (self.final_heatmaps(part, test_cfg) for part in feats)
            heatmaps = flip_average(image, mirrored, batch_data_samples, test_cfg)
        else:
            heatmaps = self.final_heatmaps(feats, test_cfg)
        heatmaps = heatmaps.to(torch.promote_types(heatmaps.dtype, torch.float32))  # NumPy has no bfloat16
        instances = self.decode(heatmaps)
        return (instances, heatmap_fields(heatmaps)) if test_cfg.get("output_heatmaps", False) else instances
