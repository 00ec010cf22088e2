"""A learnable shift of each channel: the operator behind SSN's feature shifting module.

Spatial Shortcut Network for Human Pose Estimation, section 3.1, Eq. (1). :func:`feature_shift` chooses among a form in
plain torch that stays in the CPU's cache, a Triton kernel for GPUs (``grid_sample`` where Triton is missing), and one
in operators that ONNX and all devices have. :func:`feature_shift_reference` is the few lines that all of them are
tested against.
"""

from mmpose_ext.layers.feature_shift.functional import feature_shift
from mmpose_ext.layers.feature_shift.reference import feature_shift_reference

__all__ = ["feature_shift", "feature_shift_reference"]
