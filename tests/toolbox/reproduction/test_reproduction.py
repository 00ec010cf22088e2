"""The tables of the papers: complete, counted again, never with a number that nobody measured."""

from __future__ import annotations

import csv
import importlib.util
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmpose_ext.toolbox.catalogue.metafile import load_metafile, metafiles
from mmpose_ext.toolbox.catalogue.paper_tables import OTHERS, Table, find_tables, models_of
from mmpose_ext.toolbox.cli import main
from mmpose_ext.toolbox.reproduction import report, reproduce
from mmpose_ext.toolbox.reproduction.latency import add_latency
from mmpose_ext.toolbox.reproduction.rows import Counts, load_rows, recount

ROOT = Path(__file__).resolve().parents[3]
CONTENTS = {key: load_metafile(path) for key, path in metafiles(ROOT / "configs").items()}
EVERY = {"sfm": 3, "ssn": 3, "scanet": 2, "xhrnet": 6, "sharpose": 8}


def table(word: str) -> tuple[Any, Table]:
    ((paper, found),) = find_tables([word], CONTENTS)
    return paper, found


def rows(word: str) -> list:
    paper, found = table(word)
    return load_rows(found, CONTENTS[paper.key])


def text(row: Any, *titles: str, of: str = "xhrnet:2") -> list[str]:
    """Cells of a row by the titles of their columns."""
    columns = {column.title: column for column in report.columns_of(table(of)[1], [row])}
    return [columns[title].text(row) for title in titles]


def test_every_table_of_every_paper() -> None:
    found = [(paper.key, one.number) for paper, one in find_tables([], CONTENTS)]
    assert {key: sum(name == key and number != OTHERS for name, number in found) for key in EVERY} == EVERY


def test_rows_of_a_table() -> None:
    found = rows("xhrnet:2")
    assert [row.network for row in found][:5] == [
        "SimpleBaseline ResNet-50", "HRNetV1-W32", "MobileNetV2", "ShuffleNetV2", "DY-ReLU MobileNetV2",
    ]  # fmt: skip
    assert [row.alias for row in found if row.alias.startswith("xhrnet")] == [
        "xhrnet-18", "xhrnet-18-384x288", "xhrnet-30", "xhrnet-30-384x288",
    ]  # fmt: skip
    assert [row.network for row in found if not row.config] == ["DY-ReLU MobileNetV2"] and found[4].why
    assert "xhrnet-18" in [row.alias for row in rows("XHRNET:5")]


def test_a_row_has_the_numbers_of_its_table() -> None:
    """Not those of another table that has the same network."""
    (val,) = [row for row in rows("xhrnet:2") if row.alias == "xhrnet-18-384x288"]
    (test,) = [row for row in rows("xhrnet:3") if row.alias == "xhrnet-18-384x288"]
    assert (val.published["Metrics"]["AP"], test.published["Metrics"]["AP"]) == (67.9, 67.3)
    assert (val.published["Dataset"], test.published["Dataset"]) == ("COCO val2017", "COCO test-dev2017")
    first = rows("xhrnet:1")[0]
    assert first.published["FLOPs"] == "194.5M" and first.differs == "Table 2 prints 194.4M."
    assert next(row for row in rows("xhrnet:4") if row.alias == "xhrnet-18").differs is None


@pytest.mark.parametrize("key", CONTENTS)
def test_every_config_stands_in_a_table(key: str) -> None:
    """Once in the paper's or in that of the others."""
    tables = find_tables([key], CONTENTS)
    named = [{model["Name"] for model in models_of(one, CONTENTS[key])} for _, one in tables]
    assert set.union(*named) == {model["Name"] for model in CONTENTS[key]["Models"]}
    assert tables[-1][1].number == OTHERS and not named[-1] & set.union(*named[:-1])


def test_what_was_measured_is_shown() -> None:
    (row,) = [row for row in rows("xhrnet:others") if row.alias == "xhrnet-18-lspet-128x96"]
    (measured,) = text(row, "measured", of="xhrnet:others")
    own, *others = measured.split("; ")
    assert own == "PCK@0.2 of the box 70.1, PCK@0.1 of the box 48.8, AP 11.6, AP50 41.3 (LSPET val)"
    assert others and all(re.search(r"\(LSPET val, .*\d epochs? of \d+ persons\)$", other) for other in others)
    again = {"Dataset": "LSPET val", "Metrics": {"AP": 11.6, "PCK@0.2 of the box": 70.2}}
    assert replace(row, results=[*row.results, again]).measured[-1] == ("PCK@0.2 of the box", 70.2, "LSPET val")


def test_every_metric_stands_beside_its_measured_value() -> None:
    """SFM's claim of 42.0 PCKh@0.1 is its second metric; all joints of SCANet have two digits."""
    (row,) = [row for row in rows("sfm:I") if row.alias == "sfm"]
    assert text(row, "PCKh@0.5, paper", "PCKh@0.1, paper", "measured", of="sfm:I") == ["89.0", "42.0", "not measured"]
    result = {"Dataset": "MPII val", "Metrics": {"PCKh@0.5": 88.84, "PCKh@0.1": 41.21, "stock PCK@0.5": 88.1}}
    row = replace(row, results=[result])
    assert text(row, "PCKh@0.1, paper", "PCKh@0.1, here", "measured", of="sfm:I") == [
        "42.0", "41.2 (MPII val)", "MPII val",
    ]  # fmt: skip
    baseline = rows("scanet:2")[0]
    assert text(baseline, "Wrist, paper", "Knee, paper", "PCKh@0.5, paper", of="scanet:2") == [
        "83.48",
        "83.90",
        "88.09",
    ]
    assert baseline.metric == "PCKh@0.5"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("nothing:1", "expected a paper among scanet, .*, got 'nothing'"),
        ("xhrnet:9", "expected a table among xhrnet:1, .*"),
    ],
)
def test_unknown(word: str, message: str, capsys) -> None:
    with pytest.raises(ValueError, match=message):
        find_tables([word], CONTENTS)
    assert main(["reproduce", word]) == 2
    assert "expected" in capsys.readouterr().err


def test_agreement() -> None:
    (row,) = [row for row in rows("xhrnet:2") if row.alias == "xhrnet-18"]
    counted = recount(row, ROOT)
    assert counted.shape == (256, 192) and counted.counted == row.recorded and counted.agrees
    titles = ("network", "config", "input", "params, paper", "params, here", "FLOPs, paper", "FLOPs, here", "MACs")
    assert text(counted, *titles, "counts") == [
        "X-HRNet-18", "xhrnet-18", "256x192", "1.3M", "1.34M", "194.4M", "194.44M", "193.59M", "as published",
    ]  # fmt: skip
    other = replace(counted, counted=Counts(1_337_066, row.recorded.flops, row.recorded.macs))
    assert not other.as_recorded and not other.agrees
    assert report.counts(other).startswith("CHANGED, was 1337065 parameters")
    heavier = replace(row, published={**row.published, "Parameters": "9.9M"})
    assert not heavier.agrees and report.counts(heavier) == "NOT AS PUBLISHED"
    assert replace(heavier, differs="It has tokens.").agrees
    assert not replace(row, differs="A reason for nothing.").agrees


def test_all_counts_agree_or_say_why() -> None:
    """Those of MMPose's configs too; "G" of X-HRNet's rule is 2^30."""
    found = [row for paper, one in find_tables([], CONTENTS) for row in load_rows(one, CONTENTS[paper.key])]
    assert [row.network for row in found if not row.agrees] == []
    mobile = next(row for row in found if row.network == "MobileNetV2")
    assert mobile.differs is None and mobile.amount("flops") == "1.48G"


def test_a_network_that_cannot_be_built_here(monkeypatch) -> None:
    (row,) = [row for row in rows("sharpose:others") if row.alias == "vitpose-small-lspet-128x96"]
    installed = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "mmpretrain" else installed(name))
    found = recount(row, ROOT)
    assert report.counts(found) == "not counted, needs mmpretrain" and found.agrees and found.shape == (128, 96)


def test_nothing_measured_is_not_the_papers_number() -> None:
    for paper, found in find_tables([], CONTENTS):
        every = load_rows(found, CONTENTS[paper.key])
        *_, measured, latency = report.columns_of(found, every)
        for row in every:
            if not row.results:
                assert [measured.text(row), latency.text(row)] == ["not measured" if row.config else "-"] * 2


def test_a_table_without_configs_says_so() -> None:
    paper, found = table("scanet:1")
    text = report.markdown([(paper, found, [row for row in rows("scanet:1") if not row.config])])
    assert "| Tompson et al. " in text and "- Not here" in text and "MMPose has no config of it." in text


def test_command_and_its_files(tmp_path: Path, capsys) -> None:
    assert main(["reproduce", "xhrnet:5", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "2 of 2 configs count as expected" in printed
    content = json.loads((tmp_path / "reproduction.json").read_text())
    (entry,) = content["tables"]
    assert (entry["paper"], entry["table"]) == ("xhrnet", "5")
    assert all(row["agrees"] and row["counted"] == row["recorded"] for row in entry["rows"])
    first, second = csv.DictReader((tmp_path / "reproduction.csv").open())
    assert tuple(first)[: len(report.CSV_COLUMNS)] == report.CSV_COLUMNS
    assert (first["config"], second["config"]) == ("xhrnet-18-add", "xhrnet-18")
    assert (int(second["params"]), second["params_paper"], second["AP_paper"]) == (1337065, "1.3M", "65.1")
    assert (second["AP75_paper"], second["AR_paper"], second["network"]) == ("72.7", "71.2", "X-HRNet (mul)")
    assert second["AR_measured"] == second["latency_ms"] == "not measured"
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
    assert [row.alias for row in found.rows] == ["xhrnet-18-add", "xhrnet-18"]
    assert found.wrong == [] and found.failed == () and all(path.is_file() for path in found.files)

    def stopping(row, root):
        raise KeyboardInterrupt

    monkeypatch.setattr("mmpose_ext.toolbox.reproduction.run.recount", stopping)
    assert main(["reproduce", "xhrnet:5", "--out", str(tmp_path)]) == 130
    assert "mmpose-ext reproduce: stopped; the same command goes on from" in capsys.readouterr().err


def test_list(capsys) -> None:
    assert main(["reproduce", "--list"]) == 0
    listed = capsys.readouterr().out
    assert re.search(r"xhrnet:2 +Comparison on COCO val2017: mmpose::td-hm_res50.*, xhrnet-18-384x288, ", listed)
    assert re.search(r"sfm:others +Configs that stand in none of its tables: .*sfm-lspet-128x128", listed)


def test_latency(tmp_path: Path) -> None:
    row = recount(rows("sharpose:2")[0], ROOT)
    unique = {row.config: row}
    add_latency(unique, ROOT, rounds=1, threads=1)
    (measured,) = unique.values()
    assert measured.latency and measured.latency["milliseconds"] > 0
    assert re.fullmatch(r"\d+\.\d ms", *text(measured, "latency", of="sharpose:2"))
    assert "1 thread of" in report.markdown([(*table("sharpose:2"), [measured])])
