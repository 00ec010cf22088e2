"""Seeded mutants of a COCO file: values replaced by odd ones or removed, or the file cut off."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

__all__ = ["ODD", "mutant", "places"]

DEEP: Any = []
for _ in range(900):
    DEEP = [DEEP]
ODD: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 10**400, -(10**30), float("nan"), float("inf"), 1e308),
    *("", "x", "1", "\0", "../..", "a" * 5000, "\ud800", '"""', [], {}, [[]], {"type": "os.system"}, [1] * 1000, DEEP),
]


def places(value: Any, place: tuple = ()) -> Iterator[tuple]:
    """Ways to all values inside; of a list, only the first three."""
    if place:
        yield place
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else range(min(3, len(value)))
        for key in keys:
            yield from places(value[key], (*place, key))


def mutant(text: str, rng: random.Random) -> str:
    """The file with one to four values replaced or removed, or cut off."""
    content = json.loads(text)
    for _ in range(rng.choice([1, 1, 2, 4])):
        *way, last = rng.choice(list(places(content)))
        parent = content
        for key in way:
            parent = parent[key]
        if isinstance(parent, dict) and rng.random() < 0.2:
            del parent[last]
        else:
            parent[last] = json.loads(json.dumps(rng.choice(ODD)))
        if not isinstance(content, dict) or not content:
            break
    try:
        changed = json.dumps(content)
    except RecursionError:  # one deep value in another
        changed = '{"images": ' + "[" * 2000 + "]" * 2000 + "}"
    return changed[: rng.randrange(len(changed))] if rng.random() < 0.1 else changed
