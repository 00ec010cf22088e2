"""Seeded mutants of a COCO file: each ends in findings or in one error that names the file, and nothing is lost."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmpose_ext.toolbox.own_data.annotations import labeled_persons, metainfo_text, repaired, split
from mmpose_ext.toolbox.own_data.check import check, load
from tests.tiny import write_data

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
    changed = json.dumps(content)
    return changed[: rng.randrange(len(changed))] if rng.random() < 0.1 else changed


def test_mutants(tmp_path: Path) -> None:
    write_data(tmp_path)
    text = (tmp_path / "people.json").read_text()
    ends = {"error": 0, "whole": 0, "used": 0}
    for seed in range(100):
        path = tmp_path / f"mutant-{seed}.json"
        path.write_text(mutant(text, random.Random(seed)))
        try:
            content = load(path)
        except ValueError as error:
            assert path.name in str(error) and len(str(error)) < 500, seed
            ends["error"] += 1
            continue
        report = check(content, images=tmp_path)
        assert all(len(problem.what) < 1500 for problem in report.problems), seed
        if report.whole_errors:
            ends["whole"] += 1
            continue
        used = repaired(report)
        assert labeled_persons(used) == sum(not one["iscrowd"] for one in used["annotations"] if any(one["keypoints"]))
        assert not check(json.loads(json.dumps(used)), images=tmp_path).errors, seed
        assert len(split(used, share=0.3)) == 2
        compile(metainfo_text(path.stem, report), path.stem, "exec")
        ends["used"] += 1
    assert min(ends.values()) > 1, ends
