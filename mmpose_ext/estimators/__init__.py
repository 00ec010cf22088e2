"""Pose estimators that go around any network."""

from mmpose_ext.estimators.multi_scale import MultiScaleTopdownPoseEstimator

__all__ = ["MultiScaleTopdownPoseEstimator"]
