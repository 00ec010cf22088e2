"""Data sets and their converters."""

from mmpose_ext.datasets.mpii import ZeroBasedMpiiDataset
from mmpose_ext.datasets.synthetic import SyntheticPersonDataset

__all__ = ["SyntheticPersonDataset", "ZeroBasedMpiiDataset"]
