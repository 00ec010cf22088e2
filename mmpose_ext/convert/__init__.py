"""Official checkpoints in the keys of this package: pure functions from one state dict to another."""

from mmpose_ext.convert.xhrnet import xhrnet

CONVERTERS = {"xhrnet": xhrnet}
"""Paper -> its function."""

__all__ = ["CONVERTERS", "xhrnet"]
