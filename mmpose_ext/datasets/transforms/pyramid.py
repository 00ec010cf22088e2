"""Crops of one person at several zooms, for ``MultiScaleTopdownPoseEstimator``.

Shapes: S zooms, H W height and width of the input of a network.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from mmpose.datasets.transforms import TopdownAffine
from mmpose.registry import TRANSFORMS
from mmpose.structures.bbox import get_udp_warp_matrix, get_warp_matrix


@TRANSFORMS.register_module()
class PyramidTopdownAffine(TopdownAffine):
    """``TopdownAffine`` that cuts S crops, each with the person another size, and puts them below each other.

    The image becomes (S H, W, 3), which passes through packing and normalization as any image does. All else in the
    sample (box, ``input_size``, ``transformed_keypoints``) is that of zoom 1.

    Args:
        input_size: (width, height) of one crop.
        zooms: How many times as large the person is; below 1 the crop shows more of the surroundings.
        use_udp: As in ``TopdownAffine``.

    Raises:
        ValueError: If a zoom is not positive, or there is none.
    """

    def __init__(self, input_size: tuple[int, int], zooms: Sequence[float], *, use_udp: bool = False) -> None:
        super().__init__(input_size, use_udp)
        if not zooms or any(not zoom > 0 for zoom in zooms):
            raise ValueError(f"zooms must be a sequence of positive numbers, such as (0.8, 1.0, 1.2), got {zooms!r}")
        self.zooms = tuple(zooms)

    def transform(self, results: dict) -> dict | None:
        """Cut the crops.

        Args:
            results: With ``img``, ``bbox_center`` and ``bbox_scale`` of one person.
        """
        image = results["img"]
        output = super().transform(results)
        if output is not None:
            output["img"] = np.concatenate([self._crop(image, output, zoom) for zoom in self.zooms], axis=0)
        return output

    def _crop(self, image: np.ndarray, results: dict, zoom: float) -> np.ndarray:
        """One crop (H, W, 3), after the base class has fitted the box to the aspect ratio."""
        warp = get_udp_warp_matrix if self.use_udp else get_warp_matrix
        rotation = results["bbox_rotation"][0] if "bbox_rotation" in results else 0.0
        scale = results["bbox_scale"][0] / zoom
        matrix = warp(results["bbox_center"][0], scale, rotation, output_size=self.input_size)
        size = (int(self.input_size[0]), int(self.input_size[1]))
        return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR)
