"""The deployed form of a network: the same outputs from fewer operations.

A module that has a faster form for inference defines ``switch_to_deploy() -> None``, which rewrites it in place
(fold a norm into its neighbor, permute weights ahead of time, ...). :func:`switch_to_deploy` calls all of them, the
innermost module first, and then folds every batch norm that is left into the convolution before it.

mmcv's ``fuse_conv_bn`` folds a norm into the last convolution *registered* before it, whatever lies between; here
a pair is folded only where the order of execution is known, see :func:`fold_batch_norms`.

The convention is RepVGG's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import torch
from mmcv.cnn import ConvModule
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mmpose_ext.layers.folding import affine_of, fold_into_next
from mmpose_ext.layers.pointwise import use_pointwise

__all__ = ["DEPLOY_METHOD", "ORDER", "Deployable", "fold_batch_norms", "is_deployable", "switch_to_deploy"]

DEPLOY_METHOD = "switch_to_deploy"
"""Name of the method by which a module brings itself into its deployed form."""

ORDER = "execution_order"
"""Name of the attribute in which a module lists its children that run one behind the other, each on nothing but the
output of the one before, which nothing else reads."""

_Module = TypeVar("_Module", bound=nn.Module)


class Deployable(nn.Module):
    """A network whose deployed form can't be trained and has another state dict than its training form.

    A ``switch_to_deploy`` of its own ends with that of this class, or with :meth:`mark_deployed`. From then on the
    state dict has an entry ``deployed``, and a checkpoint of one form is not loaded into the other, where most of it
    would find no place.
    """

    @property
    def is_deployed(self) -> bool:
        """Whether this is the deployed form."""
        return "deployed" in self._buffers

    def switch_to_deploy(self, test_cfg: dict | None = None) -> None:
        """Fold the batch norms and turn 1x1 convolutions into matrix products, in place, for inference only.

        Called by :func:`switch_to_deploy` and by MMPose's ``PoseEstimator.switch_to_deploy``. The output stays the
        same, and a second call does nothing.

        Args:
            test_cfg: What MMPose hands to every such method; nothing of it is used here.
        """
        del test_cfg
        fold_batch_norms(self)
        use_pointwise(self)
        self.mark_deployed()

    def mark_deployed(self) -> None:
        """Declare this network to be in its deployed form."""
        self.register_buffer("deployed", torch.ones((), dtype=torch.bool))

    def train(self: _Module, mode: bool = True) -> _Module:
        """Set the mode.

        Raises:
            ValueError: If a deployed network is to be trained.
        """
        if mode and "deployed" in self._buffers:
            raise ValueError(
                f"{type(self).__name__} is in its deployed form, whose batch norms are folded: it can't be trained. "
                "Build the network again and load the checkpoint of its training form"
            )
        return super().train(mode)  # type: ignore[misc]

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Refuse a checkpoint of the other form."""
        mine = [key for key in state_dict if key.startswith(prefix)]
        stored = prefix + "deployed" in state_dict
        if mine and stored != self.is_deployed:
            forms = {True: "deployed form", False: "training form"}
            advice = (
                "the training form can't be recovered from it; load the checkpoint of the training"
                if stored
                else "load it before `switch_to_deploy`"
            )
            raise ValueError(
                f"expected a checkpoint of the {forms[self.is_deployed]} of {type(self).__name__}, got one of the "
                f"{forms[stored]}: {advice}"
            )
        super()._load_from_state_dict(state_dict, prefix, *args)


def is_deployable(model: nn.Module) -> bool:
    """Whether the model or a module inside it has a deployed form of its own.

    Args:
        model: The model to look at.
    """
    return any(callable(getattr(module, DEPLOY_METHOD, None)) for module in model.modules())


def switch_to_deploy(model: _Module) -> _Module:
    """Bring a network into its deployed form, in place.

    Args:
        model: A network in ``eval()`` mode. The deployed form can't be trained and the step can't be undone.

    Returns:
        The same object.

    Raises:
        ValueError: If any part of the model is in training mode, where a batch norm can't be folded.
    """
    _require_eval(model)
    for _, module in sorted(model.named_modules(), key=lambda named: _depth(named[0]), reverse=True):
        method = getattr(module, DEPLOY_METHOD, None)
        if callable(method):
            method()
    model.eval()  # a module that a method put in starts in training mode
    return fold_batch_norms(model)


def fold_batch_norms(model: _Module) -> _Module:
    """Fold each batch norm into a convolution next to it, in place, and leave an ``nn.Identity`` behind.

    A norm behind a convolution, transposed or not, goes into that one. A norm and a ReLU in front of a convolution
    without padding become a clamp and go into it, see :func:`.fold_into_next`.

    Nothing is folded where the order of execution is not certain. It is in an ``nn.Sequential``, in an mmcv
    ``ConvModule`` whose order starts with convolution and norm, among children that a module names in
    :data:`ORDER`, and for neighboring attributes that are called so and have the same number (``conv1`` and ``bn1``,
    ``conv`` and ``norm``). Other names promise nothing: the ``norm`` of a feature shifting module stands behind its
    ``expand``, and behind a sum.

    Args:
        model: A network in ``eval()`` mode.

    Returns:
        The same object.

    Raises:
        ValueError: If any part of the model is in training mode.
    """
    _require_eval(model)
    for parent in list(model.modules()):
        for chain in _chains(parent):
            _fold_chain(parent, chain)
    return model


def _chains(parent: nn.Module) -> Iterator[list[str]]:
    """Names of children that run one behind the other."""
    names = [name for name, _ in parent.named_children()]
    if isinstance(parent, nn.Sequential):
        yield names
    elif isinstance(parent, ConvModule):
        if tuple(parent.order[:2]) == ("conv", "norm"):
            yield names[:2]
    else:
        order = list(getattr(parent, ORDER, ()))
        yield order
        for pair in zip(names, names[1:], strict=False):
            if _follows(*pair) and not set(pair) & set(order):
                yield list(pair)


def _fold_chain(parent: nn.Module, names: Sequence[str]) -> None:
    parts = parent._modules
    for first, second in zip(names, names[1:], strict=False):
        conv, norm = parts[first], parts[second]
        if isinstance(conv, nn.Conv2d | nn.ConvTranspose2d) and _fits(norm, conv):
            transposed = isinstance(conv, nn.ConvTranspose2d)
            parts[first] = fuse_conv_bn_eval(conv, norm, transpose=transposed)
            parts[second] = nn.Identity().eval()
    for first, second, third in zip(names, names[1:], names[2:], strict=False):
        norm, activation, conv = parts[first], parts[second], parts[third]
        if not isinstance(norm, _BatchNorm) or type(activation) is not nn.ReLU or not isinstance(conv, nn.Conv2d):
            continue
        if norm.running_mean is not None and not any(conv.padding) and norm.num_features == conv.in_channels:
            parts[first] = fold_into_next(*affine_of(norm), conv)
            parts[second] = nn.Identity().eval()


def _fits(norm: nn.Module | None, conv: nn.Conv2d | nn.ConvTranspose2d) -> bool:
    """Whether a norm can be folded into the convolution before it."""
    if not isinstance(norm, _BatchNorm) or norm.running_mean is None or norm.num_features != conv.out_channels:
        return False
    return isinstance(conv, nn.Conv2d) or conv.groups == 1  # the weights of a transposed one don't list its outputs


def _require_eval(model: nn.Module) -> None:
    training = next((name or "the model itself" for name, part in model.named_modules() if part.training), None)
    if training is not None:
        raise ValueError(f"expected a model in eval() mode, got training mode in {training!r}; call model.eval() first")


def _follows(conv_name: str, norm_name: str) -> bool:
    """Whether the names of two attributes say that the second is the norm of the first."""
    conv = re.fullmatch(r"(?:\w*_)?conv(\d*)", conv_name)
    norm = re.fullmatch(r"(?:\w*_)?(?:bn|norm)(\d*)", norm_name)
    return conv is not None and norm is not None and conv[1] == norm[1]


def _depth(name: str) -> int:
    return name.count(".") + bool(name)
