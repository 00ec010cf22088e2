"""Synthetic persons: a seeded renderer of clothed articulated figures with COCO keypoints.

The generator (`writer`, `scene` and below) needs NumPy and OpenCV only; `dataset` is the part that MMPose sees.
"""

from mmpose_ext.datasets.synthetic.dataset import SyntheticPersonDataset

__all__ = ["SyntheticPersonDataset"]
