"""Keys of the official X-HRNet checkpoints (github.com/cool-xuan/x-hrnet) to ours.

Every key of the official state dict finds its place, and none is left over.

Shapes: the official averaging vectors are (1, 1, 96, 1) and (1, 1, 1, 72), ours (L,).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

_SEPARABLE = ("depthwise_conv.conv", "depthwise_conv.bn", "pointwise_conv.conv", "pointwise_conv.bn")
_PLAIN = ("conv", "bn")
_STEM = ("expand_conv", "depthwise_conv", "linear_conv")


def _transition(match: re.Match[str]) -> str:
    stage, branch, layer = match["stage"], match["branch"], int(match["layer"])
    return f"transitions.{stage}.{branch if stage == '0' else 0}.{_SEPARABLE[layer]}."


def _stem(match: re.Match[str]) -> str:
    return f"stem.{_STEM[int(match['layer'])]}."


def _down(match: re.Match[str]) -> str:
    return f"paths.{match['j']}to{match['i']}.{match['step']}.{_SEPARABLE[int(match['layer'])]}."


def _up(match: re.Match[str]) -> str:
    return f"paths.{match['j']}to{match['i']}.{_PLAIN[int(match['layer'])]}."


_RULES: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"^keypoint_head\.", "head."),
    (r"transition(?P<stage>\d+)\.(?P<branch>\d+)\.(?:0\.)?(?P<layer>\d)\.(?=\w+$)", _transition),
    (r"\bstem\.branch2\.(?P<layer>\d)\.", _stem),
    (r"\bstage(\d+)\.", r"stages.\1."),
    (r"\blayers\.(\d+)\.(\d+)\.branch2\.", r"branches.\1.\2.layers."),
    (r"\bfuse_layers\.(?P<i>\d+)\.(?P<j>\d+)\.(?P<step>\d+)\.(?P<layer>\d)\.(?=\w+$)", _down),
    (r"\bfuse_layers\.(?P<i>\d+)\.(?P<j>\d+)\.(?P<layer>\d)\.(?=\w+$)", _up),
    (r"\bhconv\.", "h_wise."),
    (r"\bwconv\.", "w_wise."),
    (r"\bgroup_weight$", "averaging"),
    (r"\bmean_conv\.conv\.", "grouping."),
    (r"(layers\.\d+\.(?:[hw]_wise\.)?)conv\.conv\.", r"\1value."),
    (r"\bln\.", "norm."),
)


def _key(key: str) -> str:
    for pattern, replacement in _RULES:
        key = re.sub(pattern, replacement, key)
    return key


def _value(official: str, value: Tensor, input_size: Sequence[int] | None) -> Tensor:
    if official.endswith("group_weight"):
        axis = 1 if value.shape[2] > 1 else 0  # of input_size: (1, 1, rows, 1) or (1, 1, 1, columns)
        value = value.flatten()
        branch = re.search(r"\blayers\.(\d+)\.", official)
        if input_size is not None and branch:
            value = value[: (input_size[axis] // 4) >> int(branch[1])]
    elif official.endswith("mean_conv.conv.weight"):
        value = value.flatten()
    elif official.endswith("conv.conv.weight") and "branch2" in official:
        value = value.flatten(1)
    return value.clone()


def trained_size(state_dict: Mapping[str, Tensor]) -> tuple[int, int] | None:
    """The size of the images that an official checkpoint was trained on.

    The official averaging vectors start at 1, and a map uses their first entries. Nothing ever changes the others.

    Args:
        state_dict: Official keys.

    Returns:
        (width, height), or None if the vectors of all branches don't tell one size.
    """
    used: dict[tuple[int, int], int] = {}  # (axis of the size, branch) -> entries that have changed
    for key, value in state_dict.items():
        branch = re.search(r"\blayers\.(\d+)\.", key)
        if not key.endswith("group_weight") or branch is None:
            continue
        changed = ((value.flatten().float() - 1).abs() > 1e-4).nonzero()  # averaging weights over time rounds
        place = (1 if value.shape[2] > 1 else 0, int(branch[1]))
        used[place] = max(used.get(place, 0), int(changed[-1]) + 1 if len(changed) else 0)
    width, height = (4 * used.get((axis, 0), 0) for axis in (0, 1))
    agree = all(length == ((width, height)[axis] // 4) >> branch for (axis, branch), length in used.items())
    return (width, height) if agree and min(width, height) > 0 and not (width % 32 or height % 32) else None


def xhrnet(state_dict: Mapping[str, Tensor], *, input_size: Sequence[int] | None = None) -> dict[str, Tensor]:
    """Rewrite an official X-HRNet state dict in our keys.

    Args:
        state_dict: Official keys, with or without the prefixes ``backbone.`` and ``keypoint_head.``.
        input_size: (width, height) that the checkpoint was trained at. The averaging vectors are cut to the entries
            that this size used, so that the result fits ``XHRNet(input_size=...)`` of this size with equal output,
            and is resampled rightly for any other one. None keeps all entries, for
            ``XHRNet(fixed_averaging=(96, 72))``.

    Returns:
        Our keys, for ``load_state_dict(..., strict=True)``.

    Raises:
        ValueError: If the state dict holds no X-HRNet, or two keys would become one.
    """
    if input_size is not None and (any(n % 32 for n in input_size) or input_size[0] > 288 or input_size[1] > 384):
        raise ValueError(
            "expected the (width, height) of the official training images, multiples of 32 and at most (288, 384), "
            f"got {tuple(input_size)}"
        )
    if not any(key.endswith("group_weight") for key in state_dict):
        raise ValueError(
            "expected the state dict of an official X-HRNet, with keys that end in 'group_weight'; "
            f"got {len(state_dict)} keys, the first are {list(state_dict)[:3]}"
        )
    converted = {_key(key): _value(key, value, input_size) for key, value in state_dict.items()}
    if len(converted) != len(state_dict):
        raise ValueError(f"{len(state_dict)} official keys became {len(converted)}: two of them share a name")
    return converted
