"""The networks whose weights come with the package: from a name to config and weights."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from mmpose_ext.toolbox.catalogue.configs import find_config
from mmpose_ext.toolbox.catalogue.metafile import alias_of, entries
from mmpose_ext.weights import DEFAULT, SCHEME, find_weights

__all__ = ["Pretrained", "find_pretrained", "pretrained_networks", "pretrained_weights"]


class Pretrained(NamedTuple):
    """A network with weights."""

    alias: str
    config: Path
    weights: Path


def pretrained_networks() -> dict[str, Pretrained]:
    """Alias -> network, for each config whose metafile names weights that the package ships."""
    found = {}
    for entry in entries():
        for weights in entry.model.get("Weights", []):
            if weights.startswith(SCHEME):
                alias = alias_of(entry.model)
                found[alias] = Pretrained(alias, find_config(entry.name), find_weights(weights))
    return found


def find_pretrained(name: str = DEFAULT) -> Pretrained:
    """The network with a name, and its weights.

    Args:
        name: Alias or base name, or any other name of a config of this package.

    Raises:
        ValueError: If there is no such config, or no weights of it.
    """
    path, known = find_config(name).resolve(), pretrained_networks()
    for network in known.values():
        if network.config.resolve() == path:
            return network
    raise ValueError(f"expected a checkpoint with {name}: the package has weights of {', '.join(known)} only")


def pretrained_weights(name: str) -> Path | None:
    """The weights of a config that the package ships; None if it ships none of it.

    Args:
        name: As in :func:`find_pretrained`.

    Raises:
        ValueError: If there is no such config.
    """
    path = find_config(name).resolve()
    return next((one.weights for one in pretrained_networks().values() if one.config.resolve() == path), None)
