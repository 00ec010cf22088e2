"""Keys of the official SHaRPose checkpoints (github.com/AnxQ/sharpose) to ours.

Every key of the official state dict finds its place with its value, and none is left over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from torch import Tensor


def _predictor(match: re.Match[str]) -> str:
    """The official MLP has a dropout behind each activation."""
    return f"quality_predictor.layers.{int(match['layer']) // 3 * 2}."


_RULES: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"^keypoint_head\.heatmap_mlp\.", "head.keypoint_decoder."),
    (r"\bpatch_embed\.proj\.", "patch_embed."),
    (r"\bpos_embed_list\.0$", "coarse_positions"),
    (r"\bpos_embed_list\.1$", "fine_positions"),
    (r"\breuse_block\.0\.", "reuse.norm."),
    (r"\breuse_block\.1\.", "reuse.mlp."),
    (r"\bquality_predictor\.mlp\.(?P<layer>\d)\.", _predictor),
)


def sharpose_key(key: str) -> str:
    """Our name of an official parameter.

    Args:
        key: Official name.
    """
    for pattern, replacement in _RULES:
        key = re.sub(pattern, replacement, key)
    return key


def sharpose(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rewrite an official SHaRPose state dict in our keys.

    Args:
        state_dict: Official keys, with or without the prefixes ``backbone.`` and ``keypoint_head.``.

    Returns:
        Our keys, for ``load_state_dict(..., strict=True)``.

    Raises:
        ValueError: If the state dict holds no SHaRPose, or two keys would become one.
    """
    if not any(key.endswith("quality_token") for key in state_dict):
        raise ValueError(
            "expected the state dict of an official SHaRPose, with a key that ends in 'quality_token'; "
            f"got {len(state_dict)} keys, the first are {list(state_dict)[:3]}"
        )
    converted = {sharpose_key(key): value.clone() for key, value in state_dict.items()}
    if len(converted) != len(state_dict):
        raise ValueError(f"{len(state_dict)} official keys became {len(converted)}: two of them share a name")
    return converted
