"""A published folder: the right weights, back bit by bit, complete or not there, and nothing of a checkpoint is run."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import CheckpointLoader, Runner

from mmpose_ext.engine.report import read_scalars
from mmpose_ext.layers import switch_to_deploy
from mmpose_ext.toolbox.cli import main
from mmpose_ext.toolbox.networks import load_candidate
from mmpose_ext.toolbox.publishing import (
    Publication,
    find_resolved,
    measured,
    publication,
    read_source,
    write_publication,
)
from tests.toolbox.publishing.conftest import Training

DAY = date(2026, 11, 21)


def published(path: Path, out: Path, weights: str | None = None, **options: Any) -> Publication:
    source = read_source(path, weights=weights)
    resolved = find_resolved(path, source.meta)
    results = measured.from_log(source, resolved.config)
    return write_publication(source, resolved, out=out, results=results, today=DAY, **options)


@pytest.mark.parametrize(("weights", "expected"), [(None, "averaged"), ("ema", "averaged"), ("plain", "trained")])
def test_the_two_sets_of_weights(training: Training, tmp_path: Path, weights: str | None, expected: str) -> None:
    folder, info, *_ = published(training.last, tmp_path, weights)
    wanted, other = getattr(training, expected), {"averaged": training.trained}.get(expected, training.averaged)
    assert info["weights"] == ("plain" if weights == "plain" else "ema")
    for name in info["files"]:
        got = CheckpointLoader.load_checkpoint(str(folder / name), "cpu")["state_dict"]
        assert got.keys() == wanted.keys() and all(torch.equal(got[key], wanted[key]) for key in wanted)
        assert not all(torch.equal(got[key], other[key]) for key in wanted)


def test_names_are_hashes_and_files_are_small(training: Training, tmp_path: Path) -> None:
    folder, info, *_ = published(training.last, tmp_path)
    suffixes = []
    for name, file in info["files"].items():
        content = (folder / name).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        assert file == {"sha256": digest, "bytes": len(content)}
        assert name.startswith(f"tiny_20261121-{digest[:8]}.")
        assert len(content) < training.last.stat().st_size / 2
        suffixes.append(Path(name).suffix)
    assert suffixes == [".safetensors", ".pth"]
    assert folder.name == Path(next(iter(info["files"]))).stem
    assert {path.name for path in folder.iterdir()} == {"README.md", "tiny.json", "tiny.py", *info["files"]}
    assert json.loads((folder / "tiny.json").read_text()) == json.loads(json.dumps(info))
    assert info["source"]["sha256"] == hashlib.sha256(training.last.read_bytes()).hexdigest()


def test_the_same_checkpoint_gives_the_same_files(training: Training, tmp_path: Path) -> None:
    first, second = (published(training.last, tmp_path / name) for name in "ab")
    assert first.info == second.info


def test_metadata_is_in_both_files(training: Training, tmp_path: Path) -> None:
    folder, info, *_ = published(training.last, tmp_path)
    for name in info["files"]:
        meta = CheckpointLoader.load_checkpoint(str(folder / name), "cpu")["meta"]
        assert (meta["config_name"], meta["epoch"], meta["iter"], meta["weights"]) == ("tiny", 2, 4, "ema")
        assert meta["source_sha256"] == info["source"]["sha256"]
        assert meta["results"] == info["results"]
        assert meta["dataset_meta"]["keypoint_id2name"][0] == "nose"
        assert meta["cfg"] == (folder / "tiny.py").read_text()
        assert set(torch.load(training.last, weights_only=False)) > {"optimizer", "message_hub"}
        assert "optimizer" not in meta and "message_hub" not in meta


@pytest.mark.parametrize("which", ["last", "best"])
def test_what_the_log_measured(training: Training, tmp_path: Path, which: str) -> None:
    path = getattr(training, which)
    info = published(path, tmp_path).info
    epoch = torch.load(path, weights_only=False)["meta"]["epoch"]
    (logged,) = [entry for entry in read_scalars(path.parent).val if entry["step"] == epoch]
    (result,) = info["results"]
    assert result["Metrics"] == {key: round(value, 6) for key, value in logged.items() if key.startswith("coco/")}
    assert result["Dataset"] == "people.json (CocoDataset)"
    assert result["Hardware"] == "CPU" or torch.cuda.is_available()
    assert f"epoch {epoch}" in result["Command"]


def test_the_log_says_nothing_about_the_other_weights(training: Training, tmp_path: Path) -> None:
    folder, info, *_ = published(training.last, tmp_path, "plain")
    assert info["results"] == []
    assert "## Measured\n\nNot measured.\n" in (folder / "README.md").read_text()


def test_every_command_takes_the_files(training: Training, tmp_path: Path) -> None:
    folder, info, *_ = published(training.last, tmp_path)
    images = torch.randn(2, 3, 64, 64)
    expected = load_candidate(str(training.config)).build(checkpoint=str(training.last))(images)
    for name in info["files"]:
        network = load_candidate(str(folder / "tiny.py")).build(checkpoint=str(folder / name))
        assert torch.equal(network(images), expected)


def test_a_runner_tests_a_safetensors_file(training: Training, tmp_path: Path) -> None:
    folder, info, *_ = published(training.last, tmp_path, formats=["safetensors"])
    config = Config.fromfile(folder / "tiny.py")
    assert "work_dir" not in config
    config.work_dir, config.load_from = str(tmp_path / "work"), str(folder / next(iter(info["files"])))
    config.custom_hooks = []
    metrics = Runner.from_cfg(config).test()
    assert {key: round(value, 6) for key, value in metrics.items()} == info["results"][0]["Metrics"]


def test_the_card(training: Training, tmp_path: Path) -> None:
    folder, info, *_ = published(training.last, tmp_path, license="MIT")
    card = (folder / "README.md").read_text()
    titles = re.findall(r"^## (.+)$", card, re.M)
    assert titles == [
        *("Paper", "Size", "How to use it", "Measured", "Training data"),
        *("Intended use", "Limits", "License", "Files"),
    ]
    assert "license: mit" in card and f"{info['parameters']:,}" in card
    assert all(name in card and file["sha256"] in card for name, file in info["files"].items())
    assert "moving average of the weights (EMA), after epoch 2, iteration 4" in card


def test_a_config_of_ours_brings_its_paper(tmp_path: Path) -> None:
    name = "td-hm_xhrnet-18_1xb32-6e_lspet-128x96"
    network = load_candidate(name).build().model
    torch.save({"state_dict": network.state_dict(), "meta": {}}, tmp_path / "a.pth")
    source = read_source(tmp_path / "a.pth")
    resolved = find_resolved(tmp_path / "a.pth", source.meta, "xhrnet-18-lspet-128x96")
    folder, info, *_ = write_publication(source, resolved, out=tmp_path / "out", today=DAY)
    assert (info["config"], info["alias"], info["input"]) == (name, "xhrnet-18-lspet-128x96", (128, 96))
    assert set(info["operations"]) == {"macs", "leaf-modules"} and info["deployed_form"]
    card = (folder / "README.md").read_text()
    assert "X-HRNet: Towards Lightweight" in card and "deployed form" in card and "Not measured." in card
    assert info["training_data"] == ["LSPET: lspet_train.json (CocoDataset)"]


def test_nothing_is_overwritten(training: Training, tmp_path: Path) -> None:
    folder = published(training.last, tmp_path).folder
    (folder / "README.md").write_text("edited")
    with pytest.raises(ValueError, match="exists already"):
        published(training.last, tmp_path)
    assert (folder / "README.md").read_text() == "edited"
    assert list(tmp_path.iterdir()) == [folder]


def test_complete_or_not_there(training: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(info: dict[str, Any]) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(publication, "model_card", interrupted)
    with pytest.raises(KeyboardInterrupt):
        published(training.last, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["serialize", "_pth"])
def test_what_does_not_come_back_is_not_published(
    training: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    write = getattr(publication, form)

    def broken(state_dict: dict[str, torch.Tensor], meta: dict[str, Any]) -> bytes:
        return write({name: value * 1.0001 for name, value in state_dict.items()}, meta)

    monkeypatch.setattr(publication, form, broken)
    with pytest.raises(ValueError, match="expected the weights back"):
        published(training.last, tmp_path)
    assert list(tmp_path.iterdir()) == []


class Command:
    """A pickle of this runs a command."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_what_is_no_checkpoint(training: Training, tmp_path: Path) -> None:
    content = torch.load(training.last, weights_only=False)
    (tmp_path / "text.pth").write_text("no checkpoint")
    torch.save({"meta": {}}, tmp_path / "empty.pth")
    torch.save({"state_dict": {"weight": Command(tmp_path / "run")}}, tmp_path / "evil.pth")
    weights = {**content["state_dict"], "head.final_layer.bias": torch.full((17,), torch.nan)}
    torch.save({**content, "state_dict": weights}, tmp_path / "nan.pth")
    for name, message in (
        ("absent", "which is no file"),
        ("text", "expected a checkpoint of MMEngine, got .*text.pth"),
        ("empty", "with a state_dict"),
        ("evil", "evil.pth: it holds something else than weights and plain data"),
        ("nan", "finite weights.*head.final_layer.bias"),
    ):
        with pytest.raises(ValueError, match=message):
            read_source(tmp_path / f"{name}.pth")
    assert not (tmp_path / "run").exists()


def test_without_a_moving_average(training: Training, tmp_path: Path) -> None:
    content = torch.load(training.last, weights_only=False)
    del content["ema_state_dict"]
    torch.save(content, tmp_path / "a.pth")
    assert read_source(tmp_path / "a.pth").weights == "plain"
    with pytest.raises(ValueError, match="moving average .EMAHook. for the weights ema, got one without"):
        read_source(tmp_path / "a.pth", weights="ema")


def test_weights_of_another_network_or_form(training: Training, tmp_path: Path) -> None:
    source = read_source(training.last)
    other = find_resolved(training.last, source.meta, "xhrnet-18")
    with pytest.raises(ValueError, match="training form.*is missing.*and .* more"):
        write_publication(source, other, out=tmp_path)
    deployed = switch_to_deploy(load_candidate(str(training.config)).build()).model
    torch.save({"state_dict": deployed.state_dict(), "meta": dict(source.meta)}, tmp_path / "deployed.pth")
    with pytest.raises(ValueError, match="training form.*bn1.weight is missing"):
        published(tmp_path / "deployed.pth", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_results_of_reproduce(training: Training, tmp_path: Path) -> None:
    source, path = read_source(training.last), tmp_path / "result.json"
    result = {"Dataset": "COCO", "Metrics": {"AP": 1}, "Hardware": "CPU", "Command": "mim test", "Checkpoint": "0" * 64}
    path.write_text(json.dumps(result))
    with pytest.raises(ValueError, match=f"checkpoint {source.sha256[:12]} in .*json, got 000000000000"):
        measured.from_tests([path], source)
    path.write_text(json.dumps({**result, "Checkpoint": source.sha256}))
    assert measured.from_tests([path], source)[0]["Metrics"] == {"AP": 1}
    with pytest.raises(ValueError, match="measured with the moving average"):
        measured.from_tests([path], read_source(training.last, weights="plain"))
    path.write_text("[]")
    with pytest.raises(ValueError, match="expected a result with"):
        measured.from_tests([path], source)


def test_the_command(training: Training, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["publish", str(training.last), "--out", str(tmp_path), "--format", "pth"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "weights: moving average (EMA); --weights plain" in printed
    assert "measured: coco/AP" in printed and "license of the weights: not stated" in printed
    assert "absolute paths" in printed and str(training.config.parent) in printed
    (folder,) = tmp_path.iterdir()
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".md", ".pth", ".py"]
    assert main(arguments) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["publish", str(tmp_path / "absent.pth")]) == 2
    assert "absent.pth, which does not exist" in capsys.readouterr().err
    assert main(["publish", "xhrnet-18", str(training.last), "--out", str(tmp_path)]) == 2
    assert "expected the weights of the config of" in capsys.readouterr().err


def test_pickles_of_these_tests_would_run(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Command(tmp_path / "run")))
    assert (tmp_path / "run").exists()
