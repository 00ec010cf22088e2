"""MMPose's codecs with the decoder for a whole batch: the same results, a fraction of the time.

`BaseHead.decode` hands a batch over at once if a codec has `batch_decode`, so that it is enough to exchange the name in
a config, of the codec or of the head's decoder alone: `--cfg-options model.head.decoder.type=BatchedUDPHeatmap`.

Encoding, and `decode` for one person, are inherited.

Shapes: B batch, K keypoints, H W heatmap.

The results equal MMPose's.
"""

from __future__ import annotations

import cv2
import numpy as np
from mmpose.codecs import MSRAHeatmap, UDPHeatmap
from mmpose.registry import KEYPOINT_CODECS
from mmpose.utils.tensor_utils import to_numpy
from torch import Tensor

from mmpose_ext.codecs.decoding import Blurred, heatmap_maximum, offsets_at, shift_quarter, taylor_dark, taylor_udp

Decoded = tuple[list[np.ndarray], list[np.ndarray]]
"""Keypoints (1, K, 2) in pixels of the input, and scores (1, K), of each person."""


def _check(heatmaps: np.ndarray) -> None:
    if heatmaps.ndim != 4:
        raise ValueError(f"expected heatmaps of shape (batch, keypoints, height, width), got {heatmaps.shape}")


def _blur(heatmaps: np.ndarray, kernel: int, maxima: np.ndarray) -> Blurred:
    _, keypoints, height, width = heatmaps.shape
    return Blurred(heatmaps.reshape(-1, height, width), kernel, maxima.reshape(-1), chunk=keypoints)


@KEYPOINT_CODECS.register_module()
class BatchedMSRAHeatmap(MSRAHeatmap):
    """:class:`mmpose.codecs.MSRAHeatmap`, also with `unbiased=True` (DARK), which decodes a batch at once."""

    def batch_decode(self, batch_encoded: Tensor | np.ndarray) -> Decoded:
        """Decode a batch.

        Args:
            batch_encoded: Heatmaps (B, K, H, W).

        Returns:
            Keypoints (1, K, 2) in pixels of the input and scores (1, K), one of each for a person.
        """
        heatmaps = to_numpy(batch_encoded)
        _check(heatmaps)
        if heatmaps.dtype != np.float32:  # rare, and each type rounds in its own way
            return _one_by_one(self, heatmaps)
        positions, scores = heatmap_maximum(heatmaps)
        if self.unbiased:
            positions = taylor_dark(positions, _blur(heatmaps, self.blur_kernel_size, scores))
        else:
            positions = shift_quarter(positions, heatmaps)
        return list((positions * self.scale_factor)[:, None]), list(scores[:, None])


@KEYPOINT_CODECS.register_module()
class BatchedUDPHeatmap(UDPHeatmap):
    """:class:`mmpose.codecs.UDPHeatmap`, of both heatmap types, which decodes a batch at once."""

    def batch_decode(self, batch_encoded: Tensor | np.ndarray) -> Decoded:
        """Decode a batch.

        Args:
            batch_encoded: Heatmaps (B, K, H, W); (B, 3K, H, W) if the type is "combined".

        Returns:
            Keypoints (1, K, 2) in pixels of the input and scores (1, K), one of each for a person.
        """
        heatmaps = to_numpy(batch_encoded)
        _check(heatmaps)
        if heatmaps.dtype != np.float32:
            return _one_by_one(self, heatmaps)
        if self.heatmap_type == "combined":
            positions, scores = self._combined(heatmaps)
        else:
            positions, scores = heatmap_maximum(heatmaps)
            positions = taylor_udp(positions, _blur(heatmaps, self.blur_kernel_size, scores))
        width, height = self.heatmap_size
        keypoints = positions / [width - 1, height - 1] * self.input_size
        return list(keypoints[:, None]), list(scores[:, None])

    def _combined(self, heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions from label maps and offset maps (B, 3K, H, W)."""
        *_, height, width = heatmaps.shape
        size = 2 * self.blur_kernel_size + 1
        labels = heatmaps[:, ::3].copy()
        for label in labels.reshape(-1, height, width):  # its edges are mirrored, so the maps can't share one image
            cv2.GaussianBlur(label, (size, size), 0, label)
        positions, scores = heatmap_maximum(labels)
        radius = self.radius_factor * max(width, height)
        positions += offsets_at(positions, (heatmaps[:, 1::3], heatmaps[:, 2::3])) * radius
        return positions, scores


def _one_by_one(codec: MSRAHeatmap | UDPHeatmap, heatmaps: np.ndarray) -> Decoded:
    keypoints, scores = zip(*map(codec.decode, heatmaps), strict=True)
    return list(keypoints), list(scores)
