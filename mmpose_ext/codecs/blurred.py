"""Gaussian heatmaps that are blurred before the maximum is sought: "Gaussian filter and quarter offset".

MMPose 0.x had this as ``post_process='megvii'`` for any heatmap head. MMPose 1.x has it only together with
``MegviiHeatmap``'s own way to draw the targets.

Shapes: B batch, K keypoints, H W heatmap.

The results equal those of MMPose's ``gaussian_blur``, ``get_heatmap_maximum`` and ``refine_keypoints`` in a row.
"""

from __future__ import annotations

import cv2
import numpy as np
from mmpose.codecs import MSRAHeatmap
from mmpose.registry import KEYPOINT_CODECS
from mmpose.utils.tensor_utils import to_numpy
from torch import Tensor

from mmpose_ext.codecs.batched import Decoded
from mmpose_ext.codecs.decoding import heatmap_maximum, shift_quarter


@KEYPOINT_CODECS.register_module()
class BlurredMSRAHeatmap(MSRAHeatmap):
    """``MSRAHeatmap`` whose decoder blurs first; it decodes a batch at once.

    Args:
        input_size: (width, height) of the input in pixels.
        heatmap_size: (width, height) of the heatmaps.
        sigma: Of the targets, in pixels of the heatmap.
        blur_kernel_size: Width of the Gaussian kernel, odd. OpenCV's blur of that width has the
            standard deviation 0.3 * (width / 2 - 1.5) + 0.8, so 11 goes with a sigma of 2, 17 with 3, 25 with 4.

    Raises:
        ValueError: If the kernel is not odd.
    """

    def __init__(
        self,
        input_size: tuple[int, int],
        heatmap_size: tuple[int, int],
        sigma: float,
        *,
        blur_kernel_size: int = 11,
    ) -> None:
        if blur_kernel_size < 3 or blur_kernel_size % 2 == 0:
            raise ValueError(f"blur_kernel_size must be odd and at least 3, got {blur_kernel_size}")
        super().__init__(input_size, heatmap_size, sigma, blur_kernel_size=blur_kernel_size)

    def decode(self, encoded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Decode one person.

        Args:
            encoded: Heatmaps (K, H, W).

        Returns:
            Keypoints (1, K, 2) in pixels of the input and scores (1, K).
        """
        (keypoints,), (scores,) = self.batch_decode(encoded[None])
        return keypoints, scores

    def batch_decode(self, batch_encoded: Tensor | np.ndarray) -> Decoded:
        """Decode a batch.

        Args:
            batch_encoded: Heatmaps (B, K, H, W).

        Returns:
            Keypoints (1, K, 2) in pixels of the input and scores (1, K), one of each for a person.
        """
        heatmaps = to_numpy(batch_encoded)
        if heatmaps.ndim != 4:
            raise ValueError(f"expected heatmaps of shape (batch, keypoints, height, width), got {heatmaps.shape}")
        keypoints, scores = [], []
        for person in heatmaps:  # whose maps stay in the cache from one step to the next
            blurred = blur(np.ascontiguousarray(person, dtype=np.float32), self.blur_kernel_size)[None]
            positions, maxima = heatmap_maximum(blurred)
            keypoints.append(shift_quarter(positions, blurred) * self.scale_factor)
            scores.append(maxima)
        return keypoints, scores


def blur(heatmaps: np.ndarray, kernel: int) -> np.ndarray:
    """Blur each map with zeros around it and bring it back to its old maximum; stands for ``gaussian_blur``.

    Args:
        heatmaps: (K, H, W) in float32.
        kernel: Width of the Gaussian kernel, odd.

    Returns:
        (K, H, W).
    """
    out = np.empty(heatmaps.shape, np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):  # a map of zeros; MMPose warns and goes on as well
        for before, after in zip(heatmaps, out, strict=True):
            cv2.GaussianBlur(before, (kernel, kernel), 0, dst=after, borderType=cv2.BORDER_CONSTANT)
            after *= before.max() / after.max()
    return out
