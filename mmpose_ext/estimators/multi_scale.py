"""Multi-scale testing for top-down pose estimators: an image pyramid, with or without flips.

MMPose has the flip test for top-down networks, and several scales for bottom-up ones only.

Shapes: B batch, K keypoints, H W height and width of the input, h w of a heatmap; S zooms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmpose.codecs import MegviiHeatmap, UDPHeatmap
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.registry import MODELS
from mmpose.utils.typing import SampleList
from torch import Tensor

from mmpose_ext.estimators.pyramid import average, check_zooms, resample, split_strip
from mmpose_ext.heads import HeatmapHeadBase, flip_average, heatmap_fields, last_heatmaps


@MODELS.register_module()
class MultiScaleTopdownPoseEstimator(TopdownPoseEstimator):
    """``TopdownPoseEstimator`` that predicts from an image pyramid, with any backbone, neck and heatmap head.

    Training is that of the base class. ``test_cfg`` has one key more, and its others mean what they mean there::

        test_cfg=dict(flip_test=True, shift_heatmap=True, zooms=(0.7, 0.8, 0.9, 1.0, 1.1, 1.2))

    In the test pipeline ``PyramidTopdownAffine`` with the same zooms takes the place of ``TopdownAffine``: it cuts the
    crops from the image itself, so that a small zoom shows more of the surroundings. With a plain pipeline the one
    crop is resampled, and what lies around it is black.

    Heatmaps are flipped back, brought to the frame of zoom 1, and averaged; then the codec of the head decodes them.
    """

    def predict(self, inputs: Tensor, data_samples: SampleList) -> SampleList:
        """Predict from all zooms.

        Args:
            inputs: A strip of crops (B, 3, S H, W) as ``PyramidTopdownAffine`` makes it, or one crop (B, 3, H, W).
            data_samples: The samples.

        Returns:
            The samples with ``pred_instances``, and ``pred_fields`` if ``test_cfg`` has ``output_heatmaps``.

        Raises:
            ValueError: If the zooms are missing or not positive, the input has another size, or the head makes no
                heatmaps.
        """
        zooms = check_zooms(self.test_cfg.get("zooms", ()))
        crops = self._crops(inputs, zooms)
        codec = self.head.decoder
        if isinstance(codec, UDPHeatmap) and codec.heatmap_type != "gaussian":
            raise ValueError(f"expected heatmaps that can be averaged, got UDP's {codec.heatmap_type!r} with offsets")
        center = zoom_center(codec, codec.heatmap_size)
        heatmaps = average((self._heatmaps(crop, data_samples) for crop in crops), zooms, center=center)
        instances = self.head.decode(heatmaps)
        fields = heatmap_fields(heatmaps) if self.test_cfg.get("output_heatmaps", False) else None
        return self.add_pred_to_datasample(instances, fields, data_samples)

    def _crops(self, inputs: Tensor, zooms: Sequence[float]) -> Iterator[Tensor]:
        """One crop (B, 3, H, W) per zoom, each only when it is asked for."""
        codec = self.head.decoder
        if not hasattr(codec, "heatmap_size"):
            raise ValueError(f"expected a head with heatmaps, got {type(self.head).__name__} with {codec!r}")
        width, height = codec.input_size
        size = tuple(inputs.shape[2:])
        if size == (len(zooms) * height, width):
            return iter(split_strip(inputs, len(zooms)))
        if size != (height, width):
            raise ValueError(
                f"expected crops of {height}x{width}, one ({height} rows) or {len(zooms)} below each other "
                f"({len(zooms) * height} rows), got {size[0]}x{size[1]}; the zooms of PyramidTopdownAffine must be "
                "those of test_cfg"
            )
        center = zoom_center(codec, (width, height), image=True)
        return (resample(inputs, 1 / zoom, center=center).maps for zoom in zooms)

    def _heatmaps(self, crop: Tensor, data_samples: SampleList) -> Tensor:
        """Heatmaps (B, K, h, w) of one crop, averaged with those of its mirror image if ``flip_test`` says so."""
        heatmaps = self._one_pass(crop)
        if not self.test_cfg.get("flip_test", False):
            return heatmaps
        return flip_average(heatmaps, self._one_pass(crop.flip(-1)), data_samples, self.test_cfg)

    def _one_pass(self, crop: Tensor) -> Tensor:
        """The heatmaps that the head predicts with, (B, K, h, w)."""
        feats = self.extract_feat(crop)
        if isinstance(self.head, HeatmapHeadBase):  # which may have several to choose from
            return self.head.final_heatmaps(feats, self.test_cfg)
        return last_heatmaps(self.head(feats))


def zoom_center(codec: object, size: Sequence[int], *, image: bool = False) -> tuple[float, float]:
    """Where the center of the box lies, which a zoom keeps, in pixels.

    ``TopdownAffine`` puts it at half the width, or with UDP between the outer pixels. Most codecs multiply by the
    stride; Megvii's takes a heatmap pixel for the middle of the pixels that it stands for.

    Args:
        codec: The codec of a head.
        size: (width, height) of the map.
        image: Whether the map is the input and not a heatmap.
    """
    middle = isinstance(codec, UDPHeatmap) or (isinstance(codec, MegviiHeatmap) and not image)
    width, height = size
    return ((width - 1) / 2, (height - 1) / 2) if middle else (width / 2, height / 2)
