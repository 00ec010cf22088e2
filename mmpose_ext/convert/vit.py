"""Keys of plain vision transformers to SHaRPose's, for its initialization: MAE, ViTPose, MMPretrain's and timm's.

What SHaRPose does not have (class token, MAE's decoder, ViTPose's heatmap head) is left out. The one
table of positions becomes that of both stages; loading resamples it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from torch import Tensor

_RULES: tuple[tuple[str, str], ...] = (
    (r"^(module|backbone|encoder)\.", ""),
    (r"^layers\.(\d+)\.", r"blocks.\1."),
    (r"\.ln(\d)\.", r".norm\1."),
    (r"\.ffn\.layers\.0\.0\.", ".mlp.fc1."),
    (r"\.ffn\.layers\.1\.", ".mlp.fc2."),
    (r"^patch_embed\.(proj|projection)\.", "patch_embed."),
    (r"^(ln1|last_norm)\.", "norm."),
)
_KEPT = re.compile(r"(blocks\.\d+\.(norm[12]|attn\.(qkv|proj)|mlp\.fc[12])|patch_embed|norm)\.(weight|bias)")


def vit_key(key: str) -> str:
    """Our name of a parameter, without the prefix of the backbone.

    Args:
        key: Its name in MAE, ViTPose, MMPretrain or timm.
    """
    for pattern, replacement in _RULES:
        key = re.sub(pattern, replacement, key)
    return key


def vit(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rewrite the state dict of a vision transformer in the keys of a pose estimator with a SHaRPose.

    Args:
        state_dict: Of the whole model.

    Returns:
        Keys that begin with ``backbone.``, for ``load_from``; tokens, quality predictor, feature reuse and head stay
        as they were initialized.

    Raises:
        ValueError: If there are no transformer blocks or no table of positions.
    """
    renamed = {vit_key(key): value for key, value in state_dict.items()}
    kept = {key: value for key, value in renamed.items() if _KEPT.fullmatch(key)}
    if "pos_embed" not in renamed or not any(key.endswith("attn.qkv.weight") for key in kept):
        raise ValueError(
            "expected the state dict of a vision transformer, with 'pos_embed' and 'attn.qkv.weight'; "
            f"got {len(state_dict)} keys, the first are {list(state_dict)[:3]}"
        )
    table = renamed["pos_embed"]
    official_vitpose = any("last_norm." in key for key in state_dict)  # has a position, but no class token
    if "cls_token" in renamed or official_vitpose or _is_square(table.shape[1] - 1):
        table = table[:, 1:]
    kept |= {"coarse_positions": table, "fine_positions": table}
    return {f"backbone.{key}": value.clone() for key, value in kept.items()}


def _is_square(number: int) -> bool:
    return math.isqrt(number) ** 2 == number
