"""Data sets and their converters."""

from mmpose_ext.datasets.mpii import ZeroBasedMpiiDataset
from mmpose_ext.datasets.mpii_test import MpiiTestDataset
from mmpose_ext.datasets.soft_nms import SoftNMSCocoDataset
from mmpose_ext.datasets.synthetic import SyntheticPersonDataset
from mmpose_ext.datasets.transforms import PyramidTopdownAffine

__all__ = [
    "MpiiTestDataset",
    "PyramidTopdownAffine",
    "SoftNMSCocoDataset",
    "SyntheticPersonDataset",
    "ZeroBasedMpiiDataset",
]
