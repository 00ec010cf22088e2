"""The page: needs no other file, draws what was measured, sorts by numbers."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mmpose_ext.toolbox.catalogue.metafile import load_metafile, metafiles
from mmpose_ext.toolbox.catalogue.paper_tables import find_tables
from mmpose_ext.toolbox.reproduction.page import marks, page, plots
from mmpose_ext.toolbox.reproduction.rows import Counts, load_rows
from mmpose_ext.toolbox.reproduction.scatter import HEIGHT, WIDTH, Mark, draw, ticks

ROOT = Path(__file__).resolve().parents[3]
CONTENTS = {key: load_metafile(path) for key, path in metafiles(ROOT / "configs").items()}
LATENCY = {"milliseconds": 12.5, "threads": 1, "rounds": 2, "hardware": "a machine", "mode": "eager"}


def tables(*words: str) -> list:
    return [(paper, one, load_rows(one, CONTENTS[paper.key])) for paper, one in find_tables(words, CONTENTS)]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (65.1, 70.6, [65, 66, 67, 68, 69, 70, 71]),
        (0, 0.7, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]),
        (0, 1000, [0, 200, 400, 600, 800, 1000]),
        (3, 3, [2.4, 2.6, 2.8, 3.0, 3.2, 3.4, 3.6]),
    ],
)
def test_ticks(low: float, high: float, expected: list[float]) -> None:
    found = ticks(low, high)
    assert found[0] <= low and found[-1] >= high
    steps = [b - a for a, b in zip(found, found[1:], strict=False)]
    assert steps == pytest.approx([steps[0]] * len(steps)) and 3 <= len(found) <= 10
    assert set(expected) & set(found)


def test_marks_stand_where_their_numbers_say() -> None:
    drawn = [Mark(1.0, 60.0, "a", False), Mark(3.0, 70.0, "b", True), Mark(2.0, 65.0, "c & d", False)]
    root = ElementTree.fromstring(draw(drawn, x_label="x", y_label="y", title="t"))
    circles = [(float(c.get("cx", 0)), float(c.get("cy", 0))) for c in root.iter("circle")]
    (ax, ay), (bx, by), (cx, cy) = circles
    assert (
        ax < bx
        and ay > by
        and cx == pytest.approx((ax + bx) / 2, abs=0.1)
        and cy == pytest.approx((ay + by) / 2, abs=0.1)
    )
    assert [g.get("class") for g in root.iter("g")] == ["mark paper", "mark measured", "mark paper"]
    assert "c & d: 65 at 2, paper" in [title.text for title in root.iter("title")]


def test_labels_do_not_cover_each_other() -> None:
    drawn = [Mark(1.0 + 0.02 * i, 60.0 + 0.3 * i, f"network-{i}", False) for i in range(6)]
    root = ElementTree.fromstring(draw(drawn, x_label="x", y_label="y", title="t"))
    texts = [g.find("text") for g in root.iter("g")]
    boxes = [(float(t.get("x")), float(t.get("y")), 6.1 * len(t.text)) for t in texts if t is not None and t.text]
    for i, (x, y, width) in enumerate(boxes):
        assert x >= 0 and x + width <= WIDTH and 0 < y < HEIGHT
        for other_x, other_y, other_width in boxes[:i]:
            assert abs(y - other_y) >= 12 or x + width <= other_x or other_x + other_width <= x


def test_the_score_of_most_rows_is_drawn() -> None:
    """Others under the names of the paper; without a config where the paper has them."""
    ((_, _, rows),) = tables("xhrnet:2")
    score, data, flops, latency = marks(rows)
    assert (score, data, len(flops), latency) == ("AP", "COCO val2017", 15, [])
    by_label = {mark.label: mark for mark in flops}
    cost, parameters = pytest.approx(0.18988, abs=1e-4), pytest.approx(1.337, abs=1e-3)
    assert by_label["xhrnet-18"] == Mark(cost, 65.1, "xhrnet-18", False, "X-HRNet-18", parameters)
    assert by_label["DY-ReLU MobileNetV2"].parameters == 9.0, "as printed, where there is no config"
    assert by_label["MobileNetV2"].x == pytest.approx(1.478, abs=1e-3)
    assert by_label["DY-ReLU MobileNetV2"].x == 1.03
    rows = [row for row in rows if row.alias.startswith("xhrnet")]
    whole = {"Dataset": "COCO val2017", "Metrics": {"AP": 64.9}}
    part = {"Dataset": "4 of 5000 images of COCO val2017", "Metrics": {"AP": 90.0}}
    rows = [replace(rows[0], results=[part, whole], latency=LATENCY), *rows[1:]]
    _, _, flops, latency = marks(rows)
    assert [(mark.y, mark.measured) for mark in flops[:2]] == [(65.1, False), (64.9, True)] and len(flops) == 5
    assert [(mark.x, mark.y, mark.measured) for mark in latency] == [(12.5, 65.1, False), (12.5, 64.9, True)]
    assert plots(rows).count("<svg") == 2 and "Latency: not measured" not in plots(rows)


def test_nothing_to_draw() -> None:
    ((_, _, rows),) = tables("xhrnet:1")
    assert plots(rows) == ""


def test_costs_far_apart_stand_at_equal_factors() -> None:
    drawn = [Mark(x, 60.0, str(x), False) for x in (0.3, 3.0, 30.0)]
    root = ElementTree.fromstring(draw(drawn, x_label="x", y_label="y", title="t"))
    first, second, third = (float(circle.get("cx", 0)) for circle in root.iter("circle"))
    assert second - first == pytest.approx(third - second, abs=0.2) and second - first > 50
    numbers = [text.text for text in root.iter("text")]
    assert {"0.5", "1", "10", "20"} <= set(numbers) and "0" not in numbers


class Reader(HTMLParser):
    """Notes tags that are not closed, and all addresses."""

    EMPTY = ("meta", "line", "circle", "link")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.addresses += [value for key, value in attrs if key in ("src", "href")]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        assert tag in self.EMPTY


def test_the_page_is_whole_and_needs_nothing_else() -> None:
    several = tables("xhrnet", "scanet:2")
    text = page(several, command="mmpose-ext reproduce <all>", about="today")
    reader = Reader(text)
    assert reader.open == []
    anchors = set(re.findall(r'<section id="([^"]+)"', text))
    assert {address.removeprefix("#") for address in reader.addresses} == anchors == {
        *(f"xhrnet-{number}" for number in (1, 2, 3, 4, 5, 6, "others")), "scanet-2",
    }  # fmt: skip
    assert "url(" not in text and "@import" not in text and "reproduce &lt;all&gt;" in text
    assert 'name="viewport"' in text and "prefers-color-scheme: dark" in text
    assert "not measured" in text


def test_cells_sort_by_numbers() -> None:
    ((paper, table, rows),) = tables("xhrnet:2")
    text = page([(paper, table, rows)], command="", about="")
    lines = re.findall(r"<tr[^>]*><th scope=row.*?</tr>", text)
    keys = [re.findall(r"data-key=(\S+?)>", line) for line in lines]
    assert [float(line[0]) for line in keys][:3] == [34.0e6, 28.5e6, 9.6e6]
    assert [float(line[-1]) for line in keys][:3] == [76.3, 78.9, 70.7]
    assert all(">APL</th>" in text and column in text for column in ("AP75", "AR", "params", "FLOPs"))


def test_every_metric_of_the_paper_is_on_the_page() -> None:
    ((paper, table, rows),) = tables("sfm:I")
    text = page([(paper, table, rows)], command="", about="")
    assert "PCKh@0.1</th>" in text and "<td data-key=42>42.0</td>" in text
    assert "EfficientPose IV" in text and "MMPose has no config of it." in text


def test_a_changed_count_stands_out() -> None:
    ((paper, table, rows),) = tables("xhrnet:4")
    wrong = replace(rows[0], counted=Counts(1, 2, 3))
    text = page([(paper, table, [wrong, *rows[1:]])], command="", about="")
    assert text.count("<tr class=wrong>") == 1 and "<b>4 of 5</b> configs count as expected" in text
    assert re.search(r"<td class=bad>CHANGED", text)
