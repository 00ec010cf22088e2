"""Plugin layers behind any module of a network, for networks that have no place for them.

MMDetection's ResNet has an argument ``plugins``; no backbone of MMPose has one. Here a plugin layer becomes a child of
the module behind which it works, so that a checkpoint of the network without plugins still loads, key for key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmcv.cnn import build_plugin_layer
from torch import Tensor, nn

__all__ = ["insert_plugins"]

_CHILD = "plugins"


def insert_plugins(network: nn.Module, plugins: Sequence[Mapping[str, Any]]) -> nn.Module:
    """Let plugin layers work on the outputs of modules, in place.

    Args:
        network: Any network.
        plugins: Each with ``cfg``, the config of the layer, and ``after``, the name or the names of the modules whose
            output, a map (B, C, H, W), it replaces: ``dict(cfg=dict(type='ContextBlock', in_channels=2048,
            ratio=1 / 16), after='layer4')``. Each name gets a layer of its own; several at one place work in turn.

    Returns:
        The same network.

    Raises:
        ValueError: If an entry has other keys, or names a module that doesn't exist.
    """
    for plugin in plugins:
        if set(plugin) != {"cfg", "after"}:
            raise ValueError(f"a plugin must have the keys cfg and after, got {sorted(plugin)}")
        names = plugin["after"]
        for name in [names] if isinstance(names, str) else names:
            try:
                target = network.get_submodule(name)
            except AttributeError:
                known = ", ".join(child for child, _ in network.named_children())
                raise ValueError(f"a plugin must stand after a module such as {known}, got {name!r}") from None
            _append(target, dict(plugin["cfg"]))
    return network


def _append(target: nn.Module, cfg: dict[str, Any]) -> None:
    """Build a layer and let it work on the output of a module."""
    if isinstance(target, nn.Sequential):  # its children work in turn already
        name, layer = build_plugin_layer(cfg, postfix=_free_postfix(target))
        target.add_module(name, layer)
        return
    if _CHILD not in target._modules:
        target.add_module(_CHILD, nn.Sequential())
        target.register_forward_hook(_run_plugins)
    _append(target.get_submodule(_CHILD), cfg)


def _free_postfix(parent: nn.Module) -> str:
    return f"_plugin{sum('_plugin' in name for name, _ in parent.named_children())}"


def _run_plugins(module: nn.Module, inputs: Any, output: Any) -> Tensor:
    """Forward hook; it finds the layers by the module, so that a copy of the network has its own."""
    if not isinstance(output, Tensor):
        raise ValueError(f"a plugin must stand after a module with one output, got {type(output).__name__}")
    return module.get_submodule(_CHILD)(output)
