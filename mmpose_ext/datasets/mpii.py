"""MPII with its joints in the pixels of the image.

MPII counts pixels from 1, as MATLAB does. `MpiiDataset` of MMPose 1.x takes 1 off the center of the box but not off
the joints, so a network trained on it learns to answer one pixel to the right of and below every joint.
See `docs/evaluation.md`.
"""

from __future__ import annotations

from mmpose.datasets.datasets.body import MpiiDataset
from mmpose.registry import DATASETS


@DATASETS.register_module()
class ZeroBasedMpiiDataset(MpiiDataset):
    """`MpiiDataset` whose joints count from 0, as its boxes and the images do.

    Evaluate it with `MpiiPCKh`; `MpiiPCKAccuracy` adds 1 to the predictions and expects joints that count from 1.
    """

    def _load_annotations(self) -> tuple[list[dict], list[dict]]:
        """Load the annotations and take 1 off the joints."""
        instances, images = super()._load_annotations()
        for instance in instances:
            instance["keypoints"] = instance["keypoints"] - 1
        return instances, images
