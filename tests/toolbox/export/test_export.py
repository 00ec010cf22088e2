"""An exported network computes what PyTorch computes, for any batch size."""

from __future__ import annotations

import gc
import re
from pathlib import Path

import pytest
import torch
from torch import nn

from mmpose_ext.toolbox.cli import main
from mmpose_ext.toolbox.export import onnx_file as export
from mmpose_ext.toolbox.export.decoded import DecodedOutputs, decoded_outputs
from mmpose_ext.toolbox.export.forms import node_counts
from mmpose_ext.toolbox.export.onnx_file import export_onnx, flatten_output, max_relative_difference
from mmpose_ext.toolbox.inference.onnx_runtime import onnx_session
from mmpose_ext.toolbox.networks import PoseNet

pytest.importorskip("onnxruntime")


class TwoOutputs(nn.Module):
    """As small as a network gets that has what ours have: norms, a pooling to a size taken from a map, two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.down = nn.Conv2d(4, 4, 3, stride=2, padding=1)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor | tuple[torch.Tensor]]:
        x = self.conv(x)
        low = self.down(x)
        pooled = nn.functional.adaptive_avg_pool2d(x, low.shape[-2:])
        return {"a": pooled * low.sigmoid(), "b": (x.mean((2, 3)),)}


@pytest.fixture
def network() -> nn.Module:
    return TwoOutputs().eval()


@pytest.mark.parametrize("exporter", ["auto", "torchscript"])
@pytest.mark.parametrize("batch", [None, 1, 4])
def test_parity(network: nn.Module, tmp_path: Path, exporter: str, batch: int | None, recwarn) -> None:
    report = export_onnx(network, tmp_path / "x.onnx", shape=(16, 8), exporter=exporter, batch=batch)
    assert report.path.is_file() and not list(tmp_path.glob("*.data"))
    assert report.nodes > 3
    assert not re.search(rb"\.py\b", report.path.read_bytes())  # where the exporter found it is nobody's business
    assert report.max_difference < 1e-5
    assert report.batch == batch or (batch is None and report.exporter == "torchscript" and report.batch == 1)
    assert any("batch size 1 only" in str(w.message) for w in recwarn) is (report.batch != batch)


def test_auto_takes_the_other_exporter(network: nn.Module, tmp_path: Path, monkeypatch) -> None:
    write = export._write

    def refuse(network, path, shape, exporter, batch) -> None:
        if exporter == "torchscript":
            raise RuntimeError("no")
        write(network, path, shape, exporter, batch)

    monkeypatch.setattr(export, "_write", refuse)
    report = export_onnx(network, tmp_path / "x.onnx", shape=(16, 8), batch=1)
    assert report.exporter == "dynamo"


class Sizes(nn.Module):
    """Whatever networks do with sizes that has to leave no trace in the graph."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.repeat(1, 4, 1, 1)
        batch, channels, height, width = x.shape
        one, two = x.reshape(batch, 2, -1, height, width).transpose(1, 2).flatten(1, 2).chunk(2, 1)
        one = one.flatten(2).view(batch, channels // 2, *x.shape[2:]).unflatten(1, (2, -1)).flatten(1, 2)
        low = nn.functional.adaptive_avg_pool2d(two, (height // 2, x.size(3) // 2))
        two = nn.functional.interpolate(low, size=x.shape[-2:], mode="bilinear").expand(batch, -1, -1, -1)
        return torch.cat((one, two), 1).view(x.size()) + torch.ones(height, 1) * x.shape[1]


def test_sizes_are_numbers_in_the_graph(tmp_path: Path) -> None:
    report = export_onnx(Sizes().eval(), tmp_path / "x.onnx", shape=(16, 8), exporter="torchscript")
    counts = node_counts(report.path)
    assert report.batch is None and not {"Shape", "Gather", "Slice"} & set(counts), counts
    assert gc.isenabled()


class BatchSecond(nn.Module):
    """A batch that is not the first dimension, which the faster exporter takes for a fixed size."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        columns = x.flatten(1).t()
        return columns.reshape(columns.shape[0] * columns.shape[1]).reshape(columns.shape).t().relu()


def test_auto_leaves_a_graph_that_knows_its_batch_size(tmp_path: Path) -> None:
    report = export_onnx(BatchSecond().eval(), tmp_path / "x.onnx", shape=(4, 4))
    assert (report.exporter, report.batch) == ("dynamo", None)


def test_all_exporters_fail(network: nn.Module, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(export, "_write", lambda *args: 1 / 0)
    with pytest.raises(RuntimeError, match="no exporter can handle this network:\n.*ZeroDivisionError"):
        export_onnx(network, tmp_path / "x.onnx", shape=(16, 8))


def test_a_wrong_graph_is_refused(network: nn.Module, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(export, "compare_outputs", lambda *args, **options: 0.5)
    with pytest.raises(ValueError, match="got a difference of 0.5"):
        export_onnx(network, tmp_path / "x.onnx", shape=(16, 8), batch=1, exporter="torchscript")
    assert list(tmp_path.iterdir()) == []


def test_unusable_arguments(network: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected an exporter among auto, dynamo, torchscript, got 'x'"):
        export_onnx(network, tmp_path / "x.onnx", shape=(16, 8), exporter="x")
    with pytest.raises(ValueError, match="eval"):
        export_onnx(network.train(), tmp_path / "x.onnx", shape=(16, 8))


def test_outputs() -> None:
    a, b = torch.tensor([1.0, 2.0]), torch.tensor([-4.0])
    assert [x is y for x, y in zip(flatten_output({"x": a, "y": [b, (a,)]}), (a, b, a), strict=True)] == [True] * 3
    assert max_relative_difference([a + 0.5, b - 2], [a, b]) == 0.5
    with pytest.raises(ValueError, match="shapes"):
        max_relative_difference([a], [b])


def test_command(tmp_path: Path, capsys) -> None:
    factory = tmp_path / "net.py"
    factory.write_text("from torch import nn\n\n\ndef build():\n    return nn.Conv2d(3, 2, 1)\n")
    out = tmp_path / "folder" / "net.onnx"
    argv = ["export", f"{factory}:build", "none", str(out), "--exporter", "torchscript"]
    assert main([*argv, "--shape", "8", "8"]) == 0
    assert out.is_file() and "3x8x8" in capsys.readouterr().out
    assert [path.name for path in out.parent.iterdir()] == ["net.onnx"]
    assert main(argv) == 2
    assert "--shape" in capsys.readouterr().err
    assert main([*argv, "--shape", "8", "8", "--int8", "--images", str(tmp_path)]) == 2
    assert "expected a config with test pipeline" in capsys.readouterr().err


def test_refine_all_needs_something_to_refine(tmp_path: Path, capsys) -> None:
    factory = tmp_path / "net.py"
    factory.write_text("from torch import nn\n\n\ndef build():\n    return nn.Conv2d(3, 2, 1)\n")
    words = ["export", f"{factory}:build", "none", str(tmp_path / "x.onnx"), "--shape", "8", "8", "--refine-all"]
    assert main(words) == 2
    assert "expected a SHaRPose with quality_threshold" in capsys.readouterr().err
    assert not (tmp_path / "x.onnx").exists()


def test_the_reference_may_be_another_network(network: nn.Module, tmp_path: Path) -> None:
    other = TwoOutputs().eval()
    with pytest.raises(ValueError, match="expected the outputs of PyTorch within 0.0001"):
        export_onnx(network, tmp_path / "x.onnx", shape=(16, 8), batch=1, exporter="torchscript", reference=other)
    assert not list(tmp_path.iterdir())


def test_sessions_refuse_what_is_no_file(network: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="which does not exist"):
        onnx_session(tmp_path / "x.onnx", threads=1)
    path = export_onnx(network, tmp_path / "x.onnx", shape=(16, 8), batch=1, exporter="torchscript").path
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match="expected an ONNX file, .* can't be read"):
        onnx_session(path, threads=1)


class Stages(nn.Module):
    """A pose estimator of two stages, as MMPose sees it."""

    def __init__(self, decoded: int) -> None:
        super().__init__()
        self.stages = nn.ModuleList(nn.Conv2d(3, 2, 1) for _ in range(2))
        self.head, self.test_cfg, self.decoded = Head(decoded), dict(flip_test=True), decoded

    def extract_feat(self, images: torch.Tensor) -> list[torch.Tensor]:
        return [stage(images) for stage in self.stages]

    def forward(self, images: torch.Tensor, samples: None, mode: str) -> list[torch.Tensor]:
        return self.extract_feat(images)


class Head(nn.Module):
    def __init__(self, decoded: int) -> None:
        super().__init__()
        self.decoded = decoded

    def decode(self, outputs: torch.Tensor) -> list:
        return []

    def predict(self, feats: list[torch.Tensor], samples: list, test_cfg: dict) -> list:
        assert not test_cfg["flip_test"]
        return self.decode(feats[self.decoded] if self.decoded < 2 else 2 * feats[0])


@pytest.mark.parametrize("decoded", [0, 1])
def test_the_output_that_the_head_decodes(decoded: int) -> None:
    network = PoseNet(Stages(decoded)).eval()
    assert decoded_outputs(network, (4, 4)) == (decoded,)
    assert "decode" not in vars(network.model.head)
    images = torch.randn(2, 3, 4, 4)
    (kept,) = DecodedOutputs(network, (decoded,))(images)
    torch.testing.assert_close(kept, network.model.stages[decoded](images))


def test_a_head_that_decodes_something_else() -> None:
    with pytest.raises(ValueError, match="expected Head to decode its own outputs"):
        decoded_outputs(PoseNet(Stages(2)).eval(), (4, 4))
