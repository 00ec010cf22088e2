"""Transforms of samples."""

from mmpose_ext.datasets.transforms.pyramid import PyramidTopdownAffine

__all__ = ["PyramidTopdownAffine"]
