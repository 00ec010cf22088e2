"""The benchmark takes turns, compares within a round, and says clearly what it can't do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from torch import nn

from mmpose_ext.toolbox.benchmark import timing as benchmark
from mmpose_ext.toolbox.benchmark.report import references, table
from mmpose_ext.toolbox.benchmark.timing import MODES, Entry, Settings, measure, prepare, quartiles, ratio
from mmpose_ext.toolbox.cli import main
from mmpose_ext.toolbox.export import onnx_file as export
from mmpose_ext.toolbox.networks import Candidate


def tiny() -> nn.Module:
    network = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1))
    network[1].running_mean.normal_()
    return network


def candidate(label: str = "tiny", factory=tiny) -> Candidate:
    return Candidate(label, f"tests:{label}", None, factory, (16, 12))


def entry(label: str, mode: str = "eager", forward=None) -> Entry:
    return Entry(label, label, mode, (4, 4), 1, {"macs": 1}, 0.0, forward)


def test_candidates_take_turns() -> None:
    calls: list[str] = []
    entries = [entry(name, forward=lambda images, name=name: calls.append(name)) for name in "abc"]
    measure(entries, Settings(rounds=4, warmup=0, batches=[1]), progress=False)
    timed = calls[1::2]  # every timed call has an untimed one before it
    assert timed == calls[::2]
    assert ["".join(timed[i : i + 3]) for i in range(0, 12, 3)] == ["abc", "bca", "cab", "abc"]
    assert all(len(e.seconds[1]) == 4 for e in entries)


def test_ratio_is_the_median_of_ratios() -> None:
    ours, theirs = entry("ours"), entry("theirs")
    ours.seconds[1], theirs.seconds[1] = [1.0, 2.0, 100.0], [3.0, 4.0, 100.0]  # the machine was slow in round 3
    assert ratio(ours, theirs, 1) == 2.0
    assert quartiles([1.0]) == (1.0, 1.0, 1.0)
    assert quartiles([1.0, 2.0, 3.0, 4.0, 5.0]) == (2.0, 3.0, 4.0)


@pytest.mark.parametrize("mode", [mode for mode in MODES if "compile" not in mode])
def test_modes_start_from_the_same_weights(mode: str) -> None:
    if "onnx" in mode or "openvino" in mode:
        pytest.importorskip("onnxruntime")
    if "openvino" in mode:
        pytest.importorskip("openvino", reason="the extra openvino is not installed")
    settings = Settings(modes=["eager", mode], batches=[1, 3], rounds=2, warmup=1)
    entries = prepare(candidate(), settings)
    measure(entries, settings, progress=False)
    assert [e.mode for e in entries] == ["eager", mode]
    assert entries[0].max_difference == 0
    assert entries[1].max_difference < 1e-5
    assert all(len(e.seconds[batch]) == 2 and min(e.seconds[batch]) > 0 for e in entries for batch in (1, 3))


def test_a_file_for_each_batch_size_where_no_dynamic_one_can_be_made(monkeypatch) -> None:
    pytest.importorskip("onnxruntime")
    write = export._write

    def refuse(network, path, shape, exporter, batch) -> None:
        if batch is None:
            raise RuntimeError("no")
        write(network, path, shape, "torchscript", batch)

    monkeypatch.setattr(export, "_write", refuse)
    (only,) = prepare(candidate(), Settings(modes=["onnx"], batches=[1, 3]))
    assert only.max_difference < 1e-5


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.parametrize("mode", ["compile", "deploy-compile"])
def test_compiled_modes(mode: str) -> None:
    assert prepare(candidate(), Settings(modes=[mode]))[0].max_difference < 1e-5


def test_compile_that_does_not_work(monkeypatch) -> None:
    def fail(*args, **kwargs):
        def forward(images):
            raise RuntimeError("no compiler")

        return forward

    monkeypatch.setattr(torch, "compile", fail)
    with pytest.raises(ValueError, match="tiny, mode compile: torch.compile does not work here .*no compiler"):
        prepare(candidate(), Settings(modes=["compile"]))


def test_a_wrong_form_shows() -> None:
    class Wrong(nn.Conv2d):
        def switch_to_deploy(self) -> None:
            nn.init.zeros_(self.weight)

    settings = Settings(modes=["deploy"])
    assert prepare(candidate(factory=lambda: Wrong(3, 2, 1)), settings)[0].max_difference > 0.1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(modes=["fast"]), "expected modes among eager, .*, got fast"),
        (dict(rounds=0), "expected rounds of at least 1, got 0"),
        (dict(threads=0), "expected threads of at least 1, got 0"),
        (dict(batches=[0]), "expected batch sizes of at least 1"),
        (dict(device="tpu"), "expected a device among auto, cuda, cpu, got 'tpu'"),
    ],
)
def test_unusable_settings(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**settings)


def test_no_gpu(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="a device that this machine has .cpu., got 'cuda'"):
        Settings(device="cuda")


@pytest.mark.gpu
def test_gpu() -> None:
    settings = Settings(modes=["eager", "deploy"], batches=[2], rounds=2, device="cuda", channels_last=True)
    entries = prepare(candidate(), settings)
    measure(entries, settings, progress=False)
    assert all(len(e.seconds[2]) == 2 for e in entries)


def test_table_compares_with_each_reference() -> None:
    settings = Settings(modes=["eager", "deploy"], batches=[1])
    entries = [entry(label, mode) for label in ("ours", "theirs") for mode in settings.modes]
    for e, seconds in zip(entries, [2.0, 1.0, 4.0, 3.0], strict=True):
        e.seconds[1] = [seconds] * 3
    text = table(entries, settings, references(entries, ["theirs"]))
    assert text.endswith("x A: times as fast as theirs, eager")
    rows = [line.split("|") for line in text.splitlines()[4:8]]
    assert [[cell.strip() for cell in row[-3:-1]] for row in rows] == [
        ["2.00", "2.00"],
        ["4.00", "3.00"],
        ["1.00", "1.00"],
        ["1.33", "1.00"],
    ]
    assert references(entries, [])[0].label == "ours"


def test_command(tmp_path: Path, capsys) -> None:
    factory = tmp_path / "net.py"
    text = "from torch import nn\n\n\ndef {}():\n    return nn.Conv2d(3, 2, {})\n"
    factory.write_text(text.format("a", 1) + text.format("b", 3))
    argv = ["bench", f"{factory}:a", "--against", f"{factory}:b", "--rounds", "2", "--batch", "1", "2"]
    argv += ["--mode", "eager", "deploy", "--out", str(tmp_path / "out")]
    assert main([*argv, "--shape", "16", "16"]) == 0
    printed = capsys.readouterr().out
    assert "x A: times as fast as net:b, eager" in printed and "Batch size 2" in printed
    (report,) = (tmp_path / "out").glob("*.json")
    content = json.loads(report.read_text())
    assert report.with_suffix(".png").stat().st_size > 1000
    assert len(content["results"]) == 4
    assert len(content["results"][0]["seconds"]["2"]) == 2
    assert {"command", "date", "cpu", "versions", "settings"} <= content.keys()
    assert content["settings"]["threads"] == 1


def test_command_with_a_mistake(capsys) -> None:
    assert main(["bench", "nowhere.py"]) == 2
    assert "expected a config file" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["bench", "xhrnet-18", "--mode", "fast"])
    assert "invalid choice: 'fast'" in capsys.readouterr().err


def test_cpu_has_a_name() -> None:
    assert benchmark.environment(Settings(), "x")["cpu"]
