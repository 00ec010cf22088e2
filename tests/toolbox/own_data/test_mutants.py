"""Seeded mutants of a COCO file: each ends in findings or in one error that names the file, and nothing is lost."""

from __future__ import annotations

import json
import random
from pathlib import Path

from mmpose_ext.toolbox.own_data.annotations import labeled_persons, metainfo_text, repaired, split
from mmpose_ext.toolbox.own_data.check import check, load
from tests.faults.mutants import mutant
from tests.tiny import write_data


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
