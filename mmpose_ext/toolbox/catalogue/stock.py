"""MMPose's own configs: the checkpoint that its model index has for one."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from mmpose_ext.toolbox.catalogue.metafile import config_folder

__all__ = ["stock_weights"]


def stock_weights(name: str) -> str | None:
    """The address of MMPose's checkpoint of a config; None if it has none.

    Args:
        name: Base name of a config of MMPose.
    """
    return _weights().get(name)


@cache
def _weights() -> dict[str, str]:
    """Base name of a config -> address, from the files that MMPose's model index imports."""
    root = config_folder("mmpose").parent
    index = yaml.safe_load((root / "model-index.yml").read_text(encoding="utf-8"))
    found = {}
    for file in index["Import"]:
        for model in yaml.safe_load((root / file).read_text(encoding="utf-8")).get("Models", []):
            if isinstance(model.get("Weights"), str):
                found[Path(model["Config"]).stem] = model["Weights"]
    return found
