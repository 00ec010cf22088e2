"""A file leaves the second stage out where the first one is sure, and computes what PyTorch computes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmpose_ext.layers.deploy import switch_to_deploy
from mmpose_ext.models.sharpose import SHaRPose, SHaRPoseHead
from mmpose_ext.toolbox.export import forms as export_forms
from mmpose_ext.toolbox.export import two_stages
from mmpose_ext.toolbox.export.onnx_file import compare_outputs, export_onnx, flatten_output
from mmpose_ext.toolbox.export.sharpose import refine_all, with_early_exit
from mmpose_ext.toolbox.export.two_stages import THRESHOLD, TwoStages
from mmpose_ext.toolbox.inference.onnx_runtime import onnx_session
from mmpose_ext.toolbox.networks import PoseNet

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


class First(nn.Module):
    """An answer, the mean of the image as its score, and what the second stage needs."""

    def __init__(self, conv: nn.Module) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        maps = self.conv(images)
        answer = maps.mean((2, 3))
        return answer, images.mean((1, 2, 3)), maps, answer.argsort(1)


class Second(nn.Module):
    """Another answer, by the weights of the first stage."""

    def __init__(self, conv: nn.Module) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, maps: Tensor, order: Tensor) -> Tensor:
        return self.conv(maps.relu()).amax((2, 3)).gather(1, order)


@pytest.fixture
def network() -> TwoStages:
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 3, 3)
    return TwoStages(First(conv), Second(conv), nn.Linear(3, 2), threshold=0.0).eval().requires_grad_(False)


def run(path: Path, images: Tensor, threshold: float) -> Tensor:
    given = {"images": images.numpy(), THRESHOLD: np.array(threshold, np.float32)}
    return torch.from_numpy(onnx_session(path, threads=1).run(None, given)[0])


@pytest.mark.parametrize(("exporter", "batch"), [("auto", None), ("torchscript", None), ("torchscript", 4)])
def test_some_are_refined(network: TwoStages, tmp_path: Path, exporter: str, batch: int | None) -> None:
    """Against a loop over the images."""
    path = tmp_path / "x.onnx"
    assert export_onnx(network, path, shape=(8, 6), exporter=exporter, batch=batch).batch == batch
    images = torch.randn(4, 3, 8, 6)
    score = images.mean((1, 2, 3))
    for threshold, number in zip(network.thresholds(images), (0, None, 4), strict=True):
        rows = []
        for image in images:
            answer, _, *arguments = network.first(image[None])
            rows.append(network.second(*arguments) if image.mean() < threshold else answer)
        expected = network.last(torch.cat(rows))
        torch.testing.assert_close(network(images, threshold), expected)
        torch.testing.assert_close(run(path, images, threshold), expected)
        refined = int((score < threshold).sum())
        assert refined == number or (number is None and 0 < refined < 4)


def test_the_threshold_has_a_default(network: TwoStages, tmp_path: Path) -> None:
    network.threshold = 0.01
    path = export_onnx(network, tmp_path / "x.onnx", shape=(8, 6), exporter="torchscript").path
    session, images = onnx_session(path, threads=1), torch.randn(4, 3, 8, 6)
    assert [one.name for one in session.get_inputs()] == ["images"]
    (got,) = session.run(None, {"images": images.numpy()})
    torch.testing.assert_close(torch.from_numpy(got), network(images, 0.01))


def test_what_stands_in_the_branch(network: TwoStages, tmp_path: Path) -> None:
    """All of the second stage and nothing else; shared weights are there once."""
    path = export_onnx(network, tmp_path / "x.onnx", shape=(8, 6), exporter="torchscript").path
    onnx.checker.check_model(str(path), full_check=True)
    graph = onnx.load(str(path)).graph
    (gate,) = (node for node in graph.node if node.op_type == "If")
    branches = {attribute.name: [node.op_type for node in attribute.g.node] for attribute in gate.attribute}
    assert branches["else_branch"] == ["Identity"] and branches["then_branch"].count("Conv") == 1
    assert [node.op_type for node in graph.node].count("Conv") == 1
    assert [tuple(tensor.dims) for tensor in graph.initializer].count((3, 3, 3, 3)) == 1
    assert export_forms.node_counts(path)["Conv"] == 2


def test_a_branch_that_is_wrong_is_found(network: TwoStages, tmp_path: Path, monkeypatch) -> None:
    """Even if no random image gets there at the network's threshold."""

    def wrong(second: object, answer: str, arguments: Sequence[str]) -> object:
        node = onnx.helper.make_node("Neg", [answer], ["refined"], "wrong")
        return onnx.helper.make_graph([node], "refine", [], [two_stages._unshaped("refined")])

    network.threshold = -9.0
    monkeypatch.setattr(two_stages, "_refine", wrong)
    with pytest.raises(ValueError, match="expected the outputs of PyTorch within 0.0001"):
        export_onnx(network, tmp_path / "x.onnx", shape=(8, 6), exporter="torchscript")
    assert not list(tmp_path.iterdir())


def test_a_branch_is_not_quantised(network: TwoStages, tmp_path: Path) -> None:
    path = export_onnx(network, tmp_path / "x.onnx", shape=(8, 6), exporter="torchscript").path
    with pytest.raises(ValueError, match="got an early exit; try --refine-all"):
        export_forms.quantize(path, [np.zeros((1, 3, 8, 6), np.float32)])


class Pose(nn.Module):
    """A pose estimator with a SHaRPose, as MMPose sees it."""

    def __init__(self) -> None:
        super().__init__()
        arch = dict(width=24, num_heads=2, depth=3, mlp_ratio=2.0)
        self.backbone = SHaRPose(arch, 5, input_size=(32, 48), patch_size=4)
        self.head = SHaRPoseHead(24, 5, heatmap_size=(8, 12))

    def forward(self, images: Tensor, samples: None, mode: str) -> Tensor:
        return self.head(self.backbone(images))


@pytest.fixture
def sharpose() -> PoseNet:
    torch.manual_seed(0)
    network = PoseNet(Pose()).eval().requires_grad_(False)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.2)
    quality = network.model.backbone(torch.randn(8, 3, 48, 32)).quality
    network.model.backbone.quality_threshold = float(quality.median())
    return network


def test_which_networks_have_two_stages(sharpose: PoseNet) -> None:
    parts = with_early_exit(sharpose)
    images = torch.randn(8, 3, 48, 32)
    assert isinstance(parts, TwoStages) and parts.threshold == sharpose.model.backbone.quality_threshold
    torch.testing.assert_close(parts(images), sharpose(images))
    refine_all(sharpose)
    assert with_early_exit(sharpose) is sharpose
    with pytest.raises(ValueError, match="expected a SHaRPose with quality_threshold for --refine-all, got none"):
        refine_all(sharpose)
    plain = nn.Conv2d(3, 3, 1)
    assert with_early_exit(plain) is plain


@pytest.mark.slow
@pytest.mark.parametrize("exporter", ["auto", "torchscript"])
def test_sharpose(sharpose: PoseNet, tmp_path: Path, exporter: str) -> None:
    """In the deployed form, simplified, in half precision."""
    network = with_early_exit(switch_to_deploy(copy.deepcopy(sharpose)))
    path = tmp_path / "x.onnx"
    report = export_onnx(network, path, shape=(48, 32), exporter=exporter, reference=sharpose)
    assert report.batch is None and report.max_difference < 1e-5
    images = torch.randn(8, 3, 48, 32)
    torch.testing.assert_close(run(path, images, 99.0), flatten_output(network(images, 99.0))[0], rtol=1e-4, atol=1e-5)
    assert not torch.equal(run(path, images, 99.0), run(path, images, -99.0))
    export_forms.simplify(path)
    assert compare_outputs(sharpose, path, shape=(48, 32)) < 1e-5
    export_forms.half(path)
    assert 1e-6 < compare_outputs(sharpose, path, shape=(48, 32)) < export_forms.HALF_TOLERANCE
