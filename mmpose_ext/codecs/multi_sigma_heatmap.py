"""Gaussian heatmaps of several widths at once, for networks whose predictors learn from different ones (SSN).

MMPose's ``GenerateTarget(multilevel=True)`` does that with a list of codecs; one codec keeps one ``codec`` in a config,
and so one size for pipeline and decoder.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmpose.codecs import MSRAHeatmap
from mmpose.codecs.utils import generate_gaussian_heatmaps
from mmpose.registry import KEYPOINT_CODECS


@KEYPOINT_CODECS.register_module()
class MultiSigmaHeatmap(MSRAHeatmap):
    """``MSRAHeatmap`` with a list of sigmas; decodes like it.

    Args:
        input_size: (width, height) of the image.
        heatmap_size: (width, height) of the heatmaps.
        sigma: Standard deviations in pixels of the heatmap, in the order of the levels of the head.

    Raises:
        ValueError: If there is no sigma, or one is not positive.
    """

    def __init__(self, input_size: Sequence[int], heatmap_size: Sequence[int], *, sigma: Sequence[float]) -> None:
        if not sigma or min(sigma) <= 0:
            raise ValueError(f"expected positive sigmas, got {list(sigma)}")
        super().__init__(tuple(input_size), tuple(heatmap_size), sigma=sigma[0])
        self.sigmas = tuple(sigma)

    def encode(self, keypoints: np.ndarray, keypoints_visible: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Draw keypoints.

        Args:
            keypoints: (N, M, 2), pixels of the image.
            keypoints_visible: (N, M).

        Returns:
            ``heatmaps`` (L M, H, W) for L sigmas, all keypoints of the first one in front, and ``keypoint_weights``
            (N, M).
        """
        if keypoints_visible is None:
            keypoints_visible = np.ones(keypoints.shape[:2], dtype=np.float32)
        drawn = [
            generate_gaussian_heatmaps(
                heatmap_size=self.heatmap_size,
                keypoints=keypoints / self.scale_factor,
                keypoints_visible=keypoints_visible,
                sigma=sigma,
            )
            for sigma in self.sigmas
        ]
        # A keypoint too near to the border for the narrowest Gaussian counts for none, as in MSRAHeatmap.
        return dict(heatmaps=np.concatenate([maps for maps, _ in drawn]), keypoint_weights=drawn[0][1])
