"""The tables of the papers: complete, counted again, never with a number that nobody measured."""

from __future__ import annotations

import copy
import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmpose_ext.toolbox.catalogue.metafile import load_metafile, metafiles
from mmpose_ext.toolbox.catalogue.paper_tables import OTHERS, PAPERS, Table, find_tables, rows_of, sources
from mmpose_ext.toolbox.cli import main
from mmpose_ext.toolbox.reproduction import report, reproduce
from mmpose_ext.toolbox.reproduction.latency import add_latency
from mmpose_ext.toolbox.reproduction.rows import Counts, load_rows, recount

ROOT = Path(__file__).resolve().parents[3]
CONTENTS = {key: load_metafile(path) for key, path in metafiles(ROOT / "configs").items()}
EVERY = {"sfm": 3, "ssn": 3, "scanet": 2, "xhrnet": 6, "sharpose": 7}


def table(word: str) -> tuple[Any, Table]:
    ((paper, found),) = find_tables([word], CONTENTS)
    return paper, found


def rows(word: str) -> list:
    paper, found = table(word)
    return load_rows(found, CONTENTS[paper.key])


def test_every_table_of_every_paper() -> None:
    assert {key: len(paper.tables) for key, paper in PAPERS.items()} == EVERY
    tables = find_tables([], CONTENTS)
    assert len(tables) >= sum(EVERY.values())


@pytest.mark.parametrize("key", CONTENTS)
def test_every_published_row_stands_in_a_table(key: str) -> None:
    """And the repeated rows of the manifest exist."""
    found = [model["Name"] for _, one in find_tables([key], CONTENTS) for model in rows_of(one, CONTENTS[key])]
    for model in CONTENTS[key]["Models"]:
        if sources(model):
            assert model["Name"] in found


@pytest.mark.parametrize(
    ("source", "numbers"),
    [
        ("Table 2", ["2"]),
        ("Tables 2 and 3", ["2", "3"]),
        ("Table II", ["II"]),
        ("Figure 3", []),
        ("Tables 4, 5", ["4", "5"]),
    ],
)
def test_source(source: str, numbers: list[str]) -> None:
    assert sources({"Published": {"Source": source}}) == numbers
    assert sources({}) == []


def test_rows_of_a_table() -> None:
    aliases = [row.alias for row in rows("xhrnet:2")]
    assert aliases == ["xhrnet-18", "xhrnet-18-384x288", "xhrnet-30", "xhrnet-30-384x288"]
    assert "xhrnet-18" in [row.alias for row in rows("XHRNET:5")]


@pytest.mark.parametrize("key", CONTENTS)
def test_every_config_stands_in_a_table(key: str) -> None:
    """Once in the paper's or in that of the others."""
    tables = find_tables([key], CONTENTS)
    named = [{model["Name"] for model in rows_of(one, CONTENTS[key])} for _, one in tables]
    assert set.union(*named) == {model["Name"] for model in CONTENTS[key]["Models"]}
    assert tables[-1][1].number == OTHERS and not named[-1] & set.union(*named[:-1])


def test_what_was_measured_is_shown() -> None:
    (row,) = [row for row in rows("xhrnet:others") if row.alias == "xhrnet-18-lspet-128x96"]
    assert report.cells(row)[8:10] == ["-", "PCK@0.2 of the box 70.1 (LSPET val)"]
    assert row.metric == "PCK@0.2 of the box" and not row.in_paper
    again = {"Dataset": "LSPET val", "Metrics": {"AP": 11.6, "PCK@0.2 of the box": 70.2}}
    assert replace(row, results=[*row.results, again]).measured[-1] == ("PCK@0.2 of the box", 70.2, "LSPET val")


def test_accuracy_of_another_data_set_is_not_shown() -> None:
    row = rows("xhrnet:3")[0]
    assert row.published["FLOPs"] == "433.2M" and "Metrics" not in row.published
    assert report.cells(row)[8:10] == ["-", "not measured"]


def test_a_paper_without_a_manifest() -> None:
    """Its tables are those that its metafile names."""
    content = copy.deepcopy(CONTENTS["xhrnet"])
    (paper, found), *_ = find_tables(["new:4"], {"new": content})
    assert (paper.name, found.number) == ("X-HRNet", "4")
    assert "xhrnet-18-wwise" in [row.alias for row in load_rows(found, content)]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("nothing:1", "expected a paper among sfm, .*, got 'nothing'"),
        ("xhrnet:9", "expected a table among xhrnet:1, .*"),
    ],
)
def test_unknown(word: str, message: str, capsys) -> None:
    with pytest.raises(ValueError, match=message):
        find_tables([word], CONTENTS)
    assert main(["reproduce", word]) == 2
    assert "expected" in capsys.readouterr().err


def test_a_repeated_row_has_to_exist() -> None:
    with pytest.raises(ValueError, match=r"repeats \['xhrnet-19'\]"):
        rows_of(Table("1", "T", repeats=("xhrnet-19",)), CONTENTS["xhrnet"])


def test_agreement() -> None:
    row = rows("xhrnet:2")[0]
    counted = recount(row, ROOT)
    assert counted.shape == (256, 192) and counted.counted == row.recorded and counted.agrees
    assert report.cells(counted)[:8] == [
        "xhrnet-18", "256x192", "1.3M", "1.34M", "194.4M", "194.44M", "193.59M", "as published",
    ]  # fmt: skip
    other = replace(counted, counted=Counts(1_337_066, row.recorded.flops, row.recorded.macs))
    assert not other.as_recorded and not other.agrees
    assert report.cells(other)[7].startswith("CHANGED, was 1337065 parameters")
    heavier = replace(row, published={**row.published, "Parameters": "9.9M"})
    assert not heavier.agrees and report.cells(heavier)[7] == "NOT AS PUBLISHED"
    assert replace(heavier, differs="It has tokens.").agrees
    assert not replace(row, differs="A reason for nothing.").agrees


def test_nothing_measured_is_not_the_papers_number() -> None:
    for paper, found in find_tables([], CONTENTS):
        for row in load_rows(found, CONTENTS.get(paper.key, {"Models": []})):
            if not row.results:
                assert report.cells(row)[9:] == ["not measured", "not measured"]


def test_a_table_without_our_configs_says_so() -> None:
    text = report.markdown([(*table("sharpose:2"), [])])
    assert text.splitlines()[-1].startswith("- Not here")


def test_command_and_its_files(tmp_path: Path, capsys) -> None:
    assert main(["reproduce", "xhrnet:5", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "2 of 2 configs count as expected" in printed
    content = json.loads((tmp_path / "reproduction.json").read_text())
    (entry,) = content["tables"]
    assert (entry["paper"], entry["table"]) == ("xhrnet", "5")
    assert all(row["agrees"] and row["counted"] == row["recorded"] for row in entry["rows"])
    first, second = csv.DictReader((tmp_path / "reproduction.csv").open())
    assert tuple(first) == report.COLUMNS
    assert (first["config"], second["config"]) == ("xhrnet-18", "xhrnet-18-add")
    assert (int(first["params"]), first["params_paper"], first["accuracy_paper"]) == (1337065, "1.3M", "65.1")
    assert first["accuracy_measured"] == first["latency_ms"] == "not measured"
    assert "X-HRNet, Table 5" in (tmp_path / "reproduction.md").read_text()
    assert "<h2>X-HRNet, Table 5" in (tmp_path / "reproduction.html").read_text()


def test_command_fails_where_a_count_changed(tmp_path: Path, monkeypatch, capsys) -> None:
    def wrong(row, root):
        return replace(row, counted=replace(row.recorded, macs=1))

    monkeypatch.setattr("mmpose_ext.toolbox.reproduction.run.recount", wrong)
    assert main(["reproduce", "xhrnet:5", "--out", str(tmp_path)]) == 1
    assert "0 of 2 configs count as expected: not xhrnet-18, xhrnet-18-add" in capsys.readouterr().out
    assert "<tr class=wrong>" in (tmp_path / "reproduction.html").read_text()


def test_the_function(tmp_path: Path, monkeypatch, capsys) -> None:
    """What the command calls, as a notebook would; and Control-C."""
    monkeypatch.setattr("mmpose_ext.toolbox.reproduction.run.recount", lambda row, root: replace(row, shape=(256, 192)))
    found = reproduce(["xhrnet:5"], tmp_path)
    assert [row.alias for row in found.rows] == ["xhrnet-18", "xhrnet-18-add"]
    assert found.wrong == [] and found.failed == () and all(path.is_file() for path in found.files)

    def stopping(row, root):
        raise KeyboardInterrupt

    monkeypatch.setattr("mmpose_ext.toolbox.reproduction.run.recount", stopping)
    assert main(["reproduce", "xhrnet:5", "--out", str(tmp_path)]) == 130
    assert "mmpose-ext reproduce: stopped; the same command goes on from" in capsys.readouterr().err


def test_list(capsys) -> None:
    assert main(["reproduce", "--list"]) == 0
    listed = capsys.readouterr().out
    assert re.search(r"xhrnet:2 +Comparison on COCO val2017: xhrnet-18, xhrnet-18-384x288, ", listed)
    assert re.search(r"sfm:others +Configs that stand in none of its tables: .*sfm-lspet-128x128", listed)


def test_latency(tmp_path: Path) -> None:
    row = recount(rows("xhrnet:2")[0], ROOT)
    unique = {row.config: row}
    add_latency(unique, ROOT, rounds=1, threads=1)
    (measured,) = unique.values()
    assert measured.latency and measured.latency["milliseconds"] > 0
    assert re.fullmatch(r"\d+\.\d ms", report.cells(measured)[10])
    assert "1 thread of" in report.markdown([(*table("xhrnet:2"), [measured])])
