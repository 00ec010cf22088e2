"""What the papers print and what of it is here: counted from the metafiles, which name configs that exist."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mmpose_ext.toolbox.catalogue.configs import find_config
from mmpose_ext.toolbox.catalogue.coverage import coverage, coverage_text, kept_results
from mmpose_ext.toolbox.catalogue.metafile import STOCK, config_folder, load_metafile, metafiles
from mmpose_ext.toolbox.catalogue.paper_tables import OTHERS, find_tables
from mmpose_ext.toolbox.catalogue.stock import stock_weights
from mmpose_ext.toolbox.cli import main
from mmpose_ext.toolbox.counting.rules import count
from mmpose_ext.toolbox.networks import load_candidate

ROOT = Path(__file__).resolve().parents[3]
CONTENTS = {key: load_metafile(path) for key, path in metafiles(ROOT / "configs").items()}
TABLES = find_tables([], CONTENTS)
CELLS = {
    "scanet": {"1": (10, 80), "2": (7, 56)},
    "sfm": {"I": (10, 37), "II": (3, 12), "III": (9, 27)},
    "sharpose": {
        "1": (4, 12), "2": (4, 12), "3": (13, 104), "4": (6, 48), "5": (5, 9), "6": (7, 14), "7": (4, 16), "8": (5, 20),
    },
    "ssn": {"1": (9, 27), "2": (4, 22), "3": (13, 93)},
    "xhrnet": {"1": (2, 4), "2": (15, 119), "3": (9, 54), "4": (5, 30), "5": (2, 12), "6": (2, 12)},
}  # fmt: skip
"""Paper -> table -> rows and numbers, counted in the papers by hand."""
FIGURES = {"scanet": 5, "sfm": 6, "sharpose": 6, "ssn": 8, "xhrnet": 4}


def test_every_printed_cell_is_listed() -> None:
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for one in coverage(TABLES, CONTENTS):
        found.setdefault(one.paper.key, {})[one.table.number] = (len(one.table.rows), one.cells)
    assert found == CELLS
    assert {key: len(content["Figures"]) for key, content in CONTENTS.items()} == FIGURES


def test_every_named_config_exists() -> None:
    """A config of MMPose in the installed MMPose, by its whole base name."""
    stock = {path.stem for path in config_folder("mmpose").rglob("*.py")}
    named = {row.config for _, one in TABLES for row in one.rows if row.config}
    assert {name.removeprefix(STOCK) for name in named if name.startswith(STOCK)} <= stock
    assert all(find_config(name).is_file() for name in named)
    listed = {STOCK + name for content in CONTENTS.values() for name in content["Stock"]}
    assert listed == {name for name in named if name.startswith(STOCK)}
    assert all(str(stock_weights(name.removeprefix(STOCK))).endswith(".pth") for name in listed)


def test_a_network_counts_the_same_in_every_paper() -> None:
    counts: dict[str, set[tuple[int, int]]] = {}
    for content in CONTENTS.values():
        for name, entry in content["Stock"].items():
            counts.setdefault(name, set()).add((entry["Parameters"], entry["MACs"]))
    assert all(len(found) == 1 for found in counts.values()) and len(counts) > 15


@pytest.mark.slow
@pytest.mark.parametrize(
    ("paper", "name"),
    [
        ("xhrnet", "td-hm_litehrnet-18_8xb64-210e_coco-256x192"),
        ("xhrnet", "td-hm_mobilenetv2_8xb64-210e_coco-256x192"),
        ("sfm", "td-hm_res50_8xb64-210e_coco-256x192"),
    ],
)
def test_mmposes_networks_are_counted_as_recorded(paper: str, name: str) -> None:
    entry, candidate = CONTENTS[paper]["Stock"][name], load_candidate(STOCK + name)
    found = count(candidate.build(), candidate.require_shape(), rules=["macs", entry["FLOPs Rule"]])
    assert (found.parameters, found.operations["macs"]) == (entry["Parameters"], entry["MACs"])
    assert found.operations[entry["FLOPs Rule"]] == entry["FLOPs"]


def test_what_is_here_is_counted() -> None:
    """Of X-HRNet's Table 2 all but DY-ReLU; an accuracy counts if it was measured on the data set of the table."""
    contents = copy.deepcopy(CONTENTS)
    tables = find_tables(["xhrnet:2"], contents)
    (one,) = coverage(tables, contents)
    assert (one.cells, one.with_config, one.counted, one.measured) == (119, 112, 28, 0)
    assert one.missing == {"MMPose has no dynamic ReLU.": ["DY-ReLU MobileNetV2 (7)"]}
    (model,) = [model for model in contents["xhrnet"]["Models"] if model["Alias"] == "xhrnet-18"]
    part = {"Dataset": "4 of 5000 images of COCO val2017", "Metrics": {"AP": 90.0}}
    model["Results"] = [part, {"Dataset": "COCO val2017", "Metrics": {"AP": 64.9, "AR": 71.0, "AR50": 80.0}}]
    (one,) = coverage(tables, contents)
    assert one.measured == 2
    text = coverage_text([one], contents)
    assert "| xhrnet:2 |   119 |           112 |      28 |        2 |" in text and "| xhrnet:fig4 |" in text


def test_results_of_a_run_count(tmp_path: Path) -> None:
    """Those that `reproduce --data` keeps, of our configs and of MMPose's."""
    for name, dataset in (("td-hm_res50_8xb64-210e_coco-256x192", "COCO val2017"), ("x", "COCO val2017")):
        folder = tmp_path / "results" / name
        folder.mkdir(parents=True)
        (folder / "a-b.json").write_text(json.dumps({"Dataset": dataset, "Metrics": {"AP": 71.8, "AP50": 89.8}}))
        (folder / "a-b.scores.json").write_text("{}")
    (one,) = coverage(find_tables(["xhrnet:2"], CONTENTS), CONTENTS, kept_results(tmp_path))
    assert one.measured == 2
    (tmp_path / "results" / "x" / "a-b.json").write_text("[]")
    with pytest.raises(ValueError, match="expected a result of mmpose-ext reproduce, got .*a-b.json"):
        kept_results(tmp_path)


def test_the_command(capsys) -> None:
    assert main(["reproduce", "ssn", "--coverage", "--out", "nowhere"]) == 0
    printed = capsys.readouterr().out
    assert "| ssn:2 |    22 |            22 |" in printed and OTHERS not in printed
    assert "- ssn:3: Integral Pose Regression ResNet-101 (7): MMPose has it with ResNet-50 only." in printed


def _row(content: dict[str, Any]) -> dict[str, Any]:
    return content["Tables"][1]["Rows"][4]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: _row(content)["Cells"].pop(), "table 2: DY-ReLU.*: expected 8 cells, got 7"),
        (lambda content: _row(content).pop("Why"), "table 2: DY-ReLU.*: expected Config, or else Why, got"),
        (lambda content: _row(content).update(Config="xhrnet-18"), "expected Config, or else Why, got .*'Config'"),
        (lambda content: content["Tables"][0]["Rows"][0].update(Config="x"), "an alias or one of Stock, got x"),
        (lambda content: content["Tables"][0].pop("Title"), "table 1: expected .*'Title'.* in Tables, got"),
        (lambda content: content["Tables"][1].update(Main="mAP"), "table 2: expected Main among .*, got mAP"),
        (lambda content: content["Figures"][0].pop("Drawing"), "figure 1: expected Drawing, or else Why, got"),
    ],
)  # fmt: skip
def test_mistakes_in_tables(change, message: str, tmp_path: Path) -> None:
    content = yaml.safe_load(metafiles(ROOT / "configs")["xhrnet"].read_text())
    change(content)
    path = tmp_path / "metafile.yml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match=message):
        load_metafile(path)
