"""The metafiles are complete, and the tables in the READMEs are what they say."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from mmpose_ext.toolbox.catalogue.configs import find_config
from mmpose_ext.toolbox.catalogue.markdown import markdown_table
from mmpose_ext.toolbox.catalogue.metafile import load_metafile
from mmpose_ext.toolbox.catalogue.tables import (
    counts_agree,
    models_table,
    replace_tables,
    results_table,
    update_readmes,
)
from mmpose_ext.toolbox.counting.rules import count
from mmpose_ext.toolbox.networks import load_candidate

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "configs" / "body_2d_keypoint"
METAFILES = sorted(FOLDER.glob("*/metafile.yml"))
MODELS = [model for path in METAFILES for model in load_metafile(path)["Models"]]
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model["Name"])


def test_readmes_are_up_to_date() -> None:
    assert update_readmes(ROOT, check=True) == [], "run make tables"


def test_every_config_is_in_the_metafile_of_its_folder() -> None:
    listed = [ROOT / model["Config"] for model in MODELS]
    assert sorted(listed) == sorted(FOLDER.rglob("*.py"))


def test_every_metafile_is_in_the_index() -> None:
    index = yaml.safe_load((ROOT / "model-index.yml").read_text())["Import"]
    assert sorted(index) == sorted(path.relative_to(ROOT).as_posix() for path in METAFILES)


def test_names_and_aliases_are_unique() -> None:
    aliases = [model["Alias"] for model in MODELS if "Alias" in model]
    names = [alias for entry in aliases for alias in ([entry] if isinstance(entry, str) else entry)]
    names += [model["Name"] for model in MODELS]
    assert len(names) == len(set(names))


def test_one_module_reads_the_metafiles() -> None:
    readers = [path.name for path in (ROOT / "mmpose_ext").rglob("*.py") if '"Alias"' in path.read_text()]
    assert readers == ["metafile.py"]


@every_model
def test_alias_leads_to_the_config(model: dict[str, Any]) -> None:
    assert find_config(model["Alias"]) == ROOT / model["Config"]


@every_model
def test_counted_numbers_are_the_published_ones(model: dict[str, Any]) -> None:
    """Or the metafile says why not."""
    assert counts_agree(model) != ("Counts Differ" in model.get("Published", {}))


@pytest.mark.parametrize(
    ("published", "agrees"),
    [
        ({}, True),
        ({"Parameters": "1.2M"}, True),  # 1.25, and a tie goes to the even digit
        ({"Parameters": "1.3M"}, False),
        ({"FLOPs": "2.00M"}, True),
        ({"FLOPs": "0.002G"}, True),
        ({"FLOPs": "0.003G"}, False),
    ],
)
def test_agreement_to_the_printed_digit(published: dict[str, str], agrees: bool) -> None:
    assert counts_agree({**CONTENT["Models"][0], "Published": published}) is agrees


@pytest.mark.slow
@every_model
def test_counted_numbers_are_what_is_counted(model: dict[str, Any]) -> None:
    candidate, metadata = load_candidate(str(ROOT / model["Config"])), model["Metadata"]
    if candidate.config is not None and candidate.config.model.backbone.type.startswith("mmpretrain."):
        pytest.importorskip("mmpretrain", reason="the backbone is MMPretrain's")
    result = count(candidate.build(), candidate.require_shape(), rules=["macs", metadata["FLOPs Rule"]])
    assert result.parameters == metadata["Parameters"]
    assert result.operations == {"macs": metadata["MACs"], metadata["FLOPs Rule"]: metadata["FLOPs"]}


CONTENT: dict[str, Any] = {
    "Collections": [{"Name": "Net", "Called": "A-Net", "Paper": {"Title": "A Net", "URL": "https://arxiv.org/abs/0"}}],
    "Models": [
        {
            "Name": "td-hm_net_1xb2-3e_coco-64x32",
            "In Collection": "Net",
            "Config": "configs/body_2d_keypoint/net/td-hm_net_1xb2-3e_coco-64x32.py",
            "Metadata": {
                "Training Data": "COCO",
                "Parameters": 1_250_000,
                "FLOPs": 2**21,
                "FLOPs Rule": "leaf-modules",
                "MACs": 2_000_000,
            },
            "Published": {"Source": "Table 1", "Parameters": "1.3M", "Dataset": "COCO", "Metrics": {"AP": 70.0}},
            "Results": [
                {
                    "Task": "Body 2D Keypoint",
                    "Dataset": "LSPET val",
                    "Metrics": {"PCK@0.2": 80.5, "AP": 60.0},
                    "Hardware": "two cores",
                    "Command": "mim train",
                }
            ],
        }
    ],
}


def test_models_table() -> None:
    lines = models_table(CONTENT).splitlines()
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        "[td-hm_net_1xb2-3e_coco-64x32](td-hm_net_1xb2-3e_coco-64x32.py)",
        "64x32",
        "1.3M",
        "1.25M",
        "-",
        "2.0M",
        "2.0M",
        "AP 70.0 (Table 1)",
        "PCK@0.2 80.5 (LSPET val)",
    ]
    content = copy.deepcopy(CONTENT)
    del content["Models"][0]["Results"]
    assert models_table(content).splitlines()[2].endswith(" not measured |")
    content["Models"][0]["Published"]["Counts Differ"] = "It has two heads."
    assert models_table(content).endswith("\n\n- td-hm_net_1xb2-3e_coco-64x32: It has two heads.")


def test_results_table() -> None:
    content = copy.deepcopy(CONTENT)
    (model,) = content["Models"]
    second = {**model["Results"][0], "Metrics": {"AP": 61.0, "AR": 70.0}, "Time": "3 min", "Note": "A note."}
    model["Results"].append(second)
    text = results_table(content)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    config = "[td-hm_net_1xb2-3e_coco-64x32](td-hm_net_1xb2-3e_coco-64x32.py)"
    assert rows[0] == ["config", "data", "PCK@0.2", "AP", "AR", "hardware", "time", "seed", "date"]
    assert rows[2:] == [
        [config, "LSPET val", "80.5", "60.0", "-", "two cores", "-", "-", "-"],
        [config, "LSPET val", "-", "61.0", "70.0", "two cores", "3 min", "-", "-"],
    ]
    assert "1. `mim train`\n2. `mim train`" in text
    assert text.endswith("2. A note.")
    del model["Results"]
    assert results_table(content) == "Nothing yet: not measured."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda model: model.pop("Metadata"), "expected .*'Metadata'.* in model, got"),
        (lambda model: model.update(Accuracy=1), "expected only .* in model, got .*'Accuracy'"),
        (lambda model: model["Results"][0].pop("Hardware"), "expected .*'Hardware'.* in Results, got"),
        (lambda model: model.update(Name="Other"), "expected the base name of .*, got Other"),
        (lambda model: model.update({"In Collection": "No"}), "expected a collection among {'Net'}, got No"),
    ],
)
def test_mistakes_in_a_metafile(change, message: str, tmp_path: Path) -> None:
    content = copy.deepcopy(CONTENT)
    change(content["Models"][0])
    path = tmp_path / "metafile.yml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match=message):
        load_metafile(path)


def test_update_and_check(tmp_path: Path) -> None:
    folder = tmp_path / "configs" / "body_2d_keypoint" / "net"
    folder.mkdir(parents=True)
    (folder / "metafile.yml").write_text(yaml.safe_dump(CONTENT))
    block = "# Title\n<!-- begin generated: {} -->\nold\n<!-- end generated -->\nend\n"
    (folder / "README.md").write_text(block.format("models"))
    (tmp_path / "README.md").write_text(block.format("papers"))
    both = [folder / "README.md", tmp_path / "README.md"]
    assert update_readmes(tmp_path, check=True) == both
    assert "old" in both[0].read_text()
    assert update_readmes(tmp_path) == both
    assert "old" not in both[0].read_text()
    assert "[A-Net](configs/body_2d_keypoint/net)" in both[1].read_text()
    assert both[1].read_text().startswith("# Title\n") and both[1].read_text().endswith("\nend\n")
    assert update_readmes(tmp_path, check=True) == []


def test_unknown_marker() -> None:
    with pytest.raises(ValueError, match="expected a table among models, got 'other'"):
        replace_tables("<!-- begin generated: other -->\n<!-- end generated -->", {"models": ""})


def test_markdown_table_is_aligned() -> None:
    assert markdown_table(["a", "bcd"], [["xyz", "1"]]) == "| a   | bcd |\n|:----|----:|\n| xyz |   1 |"
