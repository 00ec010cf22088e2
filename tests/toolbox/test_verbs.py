"""Each verb as a function and as a command, once, on a small SHaRPose; what they refuse; what a parser costs."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from mmpose_ext.convert import CONVERTERS
from mmpose_ext.toolbox.benchmark.comparison import benchmark
from mmpose_ext.toolbox.benchmark.counts import count_networks
from mmpose_ext.toolbox.benchmark.timing import MODES, Settings
from mmpose_ext.toolbox.cli import main
from mmpose_ext.toolbox.commands import bench, convert, flops
from mmpose_ext.toolbox.conversion import convert_checkpoint
from mmpose_ext.toolbox.counting.rules import RULES
from mmpose_ext.toolbox.export.exporting import export
from mmpose_ext.toolbox.export.options import ExportOptions
from mmpose_ext.toolbox.studies.threshold import sweep_threshold
from mmpose_ext.toolbox.visualization.ssn_analysis import analyze_channels, analyze_receptive_fields, analyze_scores
from mmpose_ext.toolbox.visualization.visualize import visualize
from tests.tiny import SHARPOSE, SSN, TOP_DOWN, write_checkpoint, write_config

VERBS = (
    "export",
    "bench",
    "flops",
    "publish",
    "convert",
    "analyze-ssn",
    "sweep-threshold",
    "visualize",
    "study-ssa",
    "models",
)


class Network(NamedTuple):
    config: str
    checkpoint: str
    image: str


def network(folder: Path, model: str) -> Network:
    config = write_config(folder, model + TOP_DOWN)
    return Network(str(config), str(write_checkpoint(config)), str(folder / "001.jpg"))


@pytest.fixture(scope="module")
def sharpose(tmp_path_factory: pytest.TempPathFactory) -> Network:
    return network(tmp_path_factory.mktemp("sharpose"), SHARPOSE)


@pytest.fixture(scope="module")
def ssn(tmp_path_factory: pytest.TempPathFactory) -> Network:
    return network(tmp_path_factory.mktemp("ssn"), SSN)


def run(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(list(map(str, words))) == 0
    return capsys.readouterr().out


def test_flops(sharpose: Network, capsys: pytest.CaptureFixture[str]) -> None:
    (counted,) = count_networks([sharpose.config], ["macs"]).values()
    assert counted.shape == (64, 64) and counted.operations["macs"] > 0
    assert json.loads(run(capsys, "flops", sharpose.config, "--rule", "macs", "--json"))["tiny"]["operations"] == (
        counted.operations
    )
    assert f"{counted.in_units('macs'):.2f}M" in run(capsys, "flops", sharpose.config, "--rule", "macs")
    assert main(["flops", sharpose.config, "--shape", "7", "9"]) == 2
    assert "tiny.py can't be counted at 7x9" in capsys.readouterr().err


def test_bench(sharpose: Network, tmp_path: Path) -> None:
    settings = Settings(batches=[2], rounds=2, warmup=0)
    result = benchmark(
        [sharpose.config], settings=settings, checkpoint=sharpose.checkpoint, out=tmp_path, progress=False
    )
    assert len(result.entries[0].seconds[2]) == 2 and not result.warnings()
    assert "Batch size 2" in result.table() and "1 thread(s)" in result.table()
    assert sorted(tmp_path.iterdir()) == [result.json, result.plot]


def test_sweep_threshold(sharpose: Network, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = sweep_threshold(sharpose.config, sharpose.checkpoint, number=2, rounds=0, limit=1, out=tmp_path / "a")
    assert [row.refined for row in sweep.rows] == [0, 1]
    words = ["--number", 2, "--rounds", 0, "--limit", 1, "--out", tmp_path / "b"]
    assert sweep.table() in run(capsys, "sweep-threshold", sharpose.config, sharpose.checkpoint, *words)
    assert {path.name for path in (tmp_path / "b").iterdir()} == {"tiny.json", "tiny.png"}
    for folder in "ab":
        assert len(json.loads((tmp_path / folder / "tiny.json").read_text())["rows"]) == 2


def test_visualize(sharpose: Network, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = visualize(sharpose.config, sharpose.checkpoint, [sharpose.image], boxes=[(4, 4, 56, 56)], out=tmp_path)
    picture = path.read_bytes()
    path.unlink()
    words = ["--box", 4, 4, 56, 56, "--out", tmp_path]
    printed = run(capsys, "visualize", sharpose.config, sharpose.checkpoint, sharpose.image, *words)
    assert printed == f"{path}\n" and path.read_bytes() == picture
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(Path(sharpose.image).read_bytes()[:400])
    (tmp_path / "boxes.json").write_text(
        '{"images": [{"id": 1, "file_name": "001.jpg"}], "annotations": [{"bbox": 1}]}'
    )
    for image, extra in ((cut, []), (sharpose.image, ["--annotations", tmp_path / "boxes.json"])):  # named in the line
        arguments = ["visualize", sharpose.config, "none", image, "--out", tmp_path / "out", *extra]
        assert main(list(map(str, arguments))) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert str(extra[1] if extra else cut) in line
    assert not (tmp_path / "out").exists()


def test_export(sharpose: Network, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxruntime")
    options = ExportOptions(exporter="torchscript", images=Path(sharpose.image).parent, limit=2)
    report = export(sharpose.config, sharpose.checkpoint, tmp_path / "a.onnx", options=options)
    assert report.path == tmp_path / "a.onnx" and report.threshold == 0.5 and report.described
    assert report.images is not None and report.images.comparison.persons == 2 and report.float32.max_difference < 1e-4
    words = ["--exporter", "torchscript", "--images", options.images, "--limit", 2]
    printed = run(capsys, "export", sharpose.config, sharpose.checkpoint, tmp_path / "b.onnx", *words)
    assert printed == f"{report.text()}\n{tmp_path / 'b.onnx'}\n"
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_analyze_ssn(ssn: Network, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common: dict[str, Any] = dict(fsm=1, out=tmp_path / "a")
    results = [
        analyze_scores(ssn.config, ssn.checkpoint, samples=2, **common),
        analyze_channels(ssn.config, ssn.checkpoint, samples=2, **common),
        analyze_receptive_fields(ssn.config, ssn.checkpoint, [ssn.image], **common),
    ]
    words = ["--fsm", 1, "--out", tmp_path / "b"]
    printed = run(capsys, "analyze-ssn", "scores", *words, "--samples", 2, ssn.config, ssn.checkpoint)
    printed += run(capsys, "analyze-ssn", "channels", *words, "--samples", 2, ssn.config, ssn.checkpoint)
    printed += run(capsys, "analyze-ssn", "receptive-field", *words, ssn.config, ssn.checkpoint, ssn.image)
    files = [path for result in results for path in result.files]
    assert len(files) == 5
    assert printed.splitlines() == [str(tmp_path / "b" / path.name) for path in files]
    for path in files:
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_convert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = "backbone.stage0.0.layers.0.0.branch2.2.group_weight"
    torch.save({"state_dict": {key: torch.ones(1, 1, 96, 1)}}, tmp_path / "official.pth")
    written = convert_checkpoint(tmp_path / "official.pth", tmp_path / "a.pth", paper="xhrnet", shape=(256, 192))
    words = ["convert", "xhrnet", tmp_path / "official.pth", tmp_path / "b.pth", "--shape", 256, 192]
    assert run(capsys, *words) == f"1 tensors written to {tmp_path / 'b.pth'}\n" and written.tensors == 1
    assert torch.load(written.path)["state_dict"].keys() == torch.load(tmp_path / "b.pth")["state_dict"].keys()


class Touch:
    """A pickle of this makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable, tuple]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    "words",
    [
        ["export", "{config}", "{checkpoint}", "{out}.onnx"],
        ["bench", "{config}", "--checkpoint", "{checkpoint}", "--out", "{out}"],
        ["sweep-threshold", "{config}", "{checkpoint}", "--out", "{out}"],
        ["visualize", "{config}", "{checkpoint}", "{image}", "--out", "{out}"],
        ["analyze-ssn", "offsets", "{config}", "{checkpoint}", "--out", "{out}"],
        ["analyze-ssn", "scores", "{config}", "{checkpoint}", "--out", "{out}"],
        ["publish", "{config}", "{checkpoint}", "--out", "{out}"],
        ["convert", "xhrnet", "{checkpoint}", "{out}"],
    ],
    ids=lambda words: " ".join(words[:2]).partition(" {")[0],
)
def test_refused_checkpoints(
    words: list[str], sharpose: Network, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line with the name of the file, status 2, nothing executed, nothing written."""
    executed, out = tmp_path / "executed", tmp_path / "out" / "x"
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.pth").touch()
    (tmp_path / "text.pth").write_text("no checkpoint")
    torch.save({"state_dict": {"a": Touch(executed)}}, tmp_path / "pickle.pth")
    torch.save({"state_dict": {"a": torch.ones(1)}}, tmp_path / "other.pth")
    torch.save([1], tmp_path / "list.pth")
    for name in ("missing.pth", "folder", "empty.pth", "text.pth", "pickle.pth", "other.pth", "list.pth"):
        names = dict(config=sharpose.config, image=sharpose.image, checkpoint=tmp_path / name, out=out)
        assert main([word.format(**names) for word in words]) == 2, name
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"mmpose-ext {words[0]}: ") and str(tmp_path / name) in line
    assert not executed.exists()
    assert not out.parent.exists() or not list(out.parent.rglob("*.*"))


def test_configs_that_can_not_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.py").write_text("model = dict(type='XHRNet'")
    (tmp_path / "unknown.py").write_text("model = dict(type='NoSuchNet')\ndefault_scope = 'mmpose'\n")
    (tmp_path / "empty.py").touch()
    for name in ("broken.py", "unknown.py", "empty.py"):
        assert main(["flops", str(tmp_path / name), "--shape", "64", "64"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert str(tmp_path / name) in line


def test_choices_that_are_written_out() -> None:
    assert list(flops.RULES) == list(RULES) and list(bench.MODES) == list(MODES)
    assert sorted(convert.PAPERS) == sorted(CONVERTERS)


def test_parsers_import_nothing_heavy() -> None:
    """Nor do mistakes that are seen before the work begins."""
    code = """
import contextlib, io, sys
from mmpose_ext.toolbox.cli import main
for verb in {verbs}:
    with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.suppress(SystemExit):
        main([verb, "--help"])
    assert "usage" in text.getvalue() and "`" not in text.getvalue() and "None)" not in text.getvalue(), verb
for words in (["export", "xhrnet-18", "none", "x.pt"], ["export", "xhrnet-18", "no.pth", "x.onnx"],
              ["flops", "xhrnet-19"], ["visualize", "xhrnet-18", "no.pth", "x.jpg"], ["publish", "no.pth"]):
    assert main(words) == 2, words
assert main(["models", "xhrnet"]) == 0
heavy = {{"torch", "mmengine", "mmpose", "cv2", "matplotlib", "onnx"}} & set(sys.modules)
assert not heavy, heavy
"""
    command = [sys.executable, "-c", code.format(verbs=VERBS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("verb", VERBS)
def test_commands_are_short(verb: str) -> None:
    """They parse, call and print; the logic is in the toolbox."""
    module = importlib.import_module(f"mmpose_ext.toolbox.commands.{verb.replace('-', '_')}")
    assert len(Path(str(module.__file__)).read_text().splitlines()) <= 90
