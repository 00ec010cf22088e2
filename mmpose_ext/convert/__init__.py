"""Official checkpoints in the keys of this package: pure functions from one state dict to another."""

from collections.abc import Callable

from torch import Tensor

from mmpose_ext.convert.sharpose import sharpose
from mmpose_ext.convert.ssn import ssn
from mmpose_ext.convert.vit import vit
from mmpose_ext.convert.xhrnet import xhrnet

CONVERTERS: dict[str, Callable[..., dict[str, Tensor]]] = {
    "sharpose": sharpose,
    "ssn": ssn,
    "vit": vit,
    "xhrnet": xhrnet,
}
"""Paper -> its function, of a state dict and maybe ``input_size``."""

__all__ = ["CONVERTERS", "sharpose", "ssn", "vit", "xhrnet"]
