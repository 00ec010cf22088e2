"""The list of configs, and the card of each paper."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mmpose_ext
from mmpose_ext.toolbox.catalogue.metafile import entries, find_entry, find_models, load_metafile
from mmpose_ext.toolbox.cli import main
from mmpose_ext.toolbox.publishing.paper_card import NAME, paper_card, update_cards

ROOT = Path(mmpose_ext.__file__).parents[1]
METAFILES = sorted(ROOT.glob("configs/body_2d_keypoint/*/metafile.yml"))
ABOUT = "X: a paper.\n\nA. Author.\n\nA network."


def test_all_words_match() -> None:
    found = find_models(["X-HRNet", "lspet", "128X96"])
    assert {entry.aliases[0] for entry in found} >= {"xhrnet-18-lspet-128x96", "litehrnet-18-lspet-128x96"}
    assert {(entry.paper, entry.input) for entry in found} == {("X-HRNet", "128x96")}
    assert find_models([]) == entries()
    assert find_models(["xhrnet"]) == find_models(["X-HRNet"]) and find_models(["scanet"]) == find_models(
        ["BDMP-SCANet"]
    )


def test_an_alias_and_a_name_are_the_same_config() -> None:
    entry = find_entry("sharpose-base")
    assert entry is not None and entry.input == "256x192" and entry.collection["Name"] == "SHaRPose"
    assert find_entry(str(entry.model["Name"])) == entry
    assert find_entry("hrnet") is None


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "xhrnet-18-lspet-128x96"]) == 0
    (row,) = capsys.readouterr().out.splitlines()[2:]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["xhrnet-18-lspet-128x96", "X-HRNet", "LSPET", "128x96", "1.34M", "49.8M", cells[-1]]
    own, *others = cells[-1].split("; ")
    assert re.fullmatch(r"PCK@0.2 of the box [\d.]+ on LSPET val", own)
    assert others and all(re.search(r"on LSPET val, .*\d epochs? of \d+ persons$", other) for other in others)
    assert main(["models", "--names", "xhrnet-18-lspet-128x96"]) == 0
    (name,) = capsys.readouterr().out.split()
    assert (ROOT / name).is_file()
    assert main(["models", "xhrnet", "nonsense"]) == 1
    assert "no config matches xhrnet nonsense" in capsys.readouterr().err


def test_cards_are_up_to_date() -> None:
    assert update_cards(ROOT, check=True) == [], "run make tables"
    assert len(METAFILES) == 5


@pytest.mark.parametrize("metafile", METAFILES, ids=lambda path: path.parent.name)
def test_a_card_leads_only_to_what_exists(metafile: Path) -> None:
    text = metafile.with_name(NAME).read_text()
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("http")]
    assert len(links) == 2 and all((metafile.parent / link).is_file() for link in links)
    assert "Measured" not in text and "## Limits" in text and "best.pth" in text
    (alias,) = re.findall(r"mmpose-ext export (\S+)", text)
    assert metafile.parent.name in alias and find_entry(alias) is not None


def test_no_figure_of_the_paper_is_in_a_card() -> None:
    content = load_metafile(ROOT / "configs/body_2d_keypoint/xhrnet/metafile.yml")
    card = paper_card(content, ABOUT)
    assert "| xhrnet-18 " in card and "not measured" in card
    assert not any(f"AP {model['Published']['Metrics']['AP']}" in card for model in content["Models"][:10])


def test_weights_that_are_published_are_listed() -> None:
    content = load_metafile(ROOT / "configs/body_2d_keypoint/sfm/metafile.yml")
    assert "None are published" in paper_card(content, ABOUT)
    content["Models"][0]["Weights"] = ["https://example.org/sfm.safetensors"]
    card = paper_card(content, ABOUT)
    assert "sfm.safetensors" in card and "None are published" not in card


def test_what_a_card_needs() -> None:
    content = load_metafile(METAFILES[0])
    with pytest.raises(ValueError, match="title, authors and one paragraph"):
        paper_card(content, "A title.")
    content["Models"][0]["Metadata"]["Training Data"] = "my album"
    with pytest.raises(ValueError, match="training data among COCO, .*, got my album"):
        paper_card(content, ABOUT)


def test_a_stale_card_is_written_again(tmp_path: Path) -> None:
    folder, package = tmp_path / "configs/body_2d_keypoint/sfm", tmp_path / "mmpose_ext/models/sfm"
    for path in (folder, package):
        path.mkdir(parents=True)
    (folder / "metafile.yml").write_text((ROOT / folder.relative_to(tmp_path) / "metafile.yml").read_text())
    (package / "__init__.py").write_text(f'"""{ABOUT}"""\n')
    assert update_cards(tmp_path, check=True) == [folder / NAME] and not (folder / NAME).exists()
    assert update_cards(tmp_path) == [folder / NAME]
    assert update_cards(tmp_path) == []
    (folder / NAME).write_text("edited")
    assert update_cards(tmp_path) == [folder / NAME]
