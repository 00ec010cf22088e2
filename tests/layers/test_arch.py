"""Presets by name, and a user's own numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from mmpose_ext.layers import find_arch


class Numbers(NamedTuple):
    channels: tuple[int, ...]
    depth: int = 2


PRESETS = {"small": Numbers((8,)), "large": Numbers((16, 32), depth=4)}


def test_presets_and_dicts() -> None:
    assert find_arch("large", PRESETS) is PRESETS["large"]
    assert find_arch(dict(channels=[8, 9]), PRESETS) == Numbers((8, 9), depth=2)
    assert find_arch(dict(channels=(8,), depth=3), PRESETS) == Numbers((8,), depth=3)


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        ("tiny", r"arch must be one of \['large', 'small'\] or a dict, got 'tiny'"),
        (18, "or a dict, got 18"),
        (["small"], r"or a dict, got \['small'\]"),
        (dict(depth=3), r"arch must have channels and may have depth, got \['depth'\]"),
        (dict(channels=(8,), width=3), r"got \['channels', 'width'\]"),
    ],
)
def test_what_is_no_arch(arch: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_arch(arch, PRESETS)
