"""The page is written from what the attacks have left, and from nothing else."""

from __future__ import annotations

import re

from tests.faults.table import FILES, INTERRUPTIONS, PAGE, page


def part(**counts: dict[str, int]) -> dict:
    return {"about": {"date": "2026-01-01", "torch": "2.4", "seed": 0}, "counts": counts}


def test_tables() -> None:
    text = page(
        PAGE.read_text(), {"payloads": part(infer={"used": 1, "executed": 2}), "images": part(infer={"used": 4})}
    )
    assert "|`infer`|7|5|0|0|0|2|0|" in text and "3 payloads, 4 images" in text and "## Numbers" in text


def test_the_page_has_nothing_bad() -> None:
    rows = re.findall(r"^\|all\|(.*)\|$", PAGE.read_text(), re.M)
    for row in rows:
        tried, used, clear, *bad = map(int, row.split("|"))
        assert tried == used + clear and bad == [0, 0, 0, 0]
    assert len(set(FILES) | set(INTERRUPTIONS)) == 8
