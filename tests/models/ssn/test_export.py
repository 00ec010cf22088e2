"""ONNX: the light network with offsets that moved, by both exporters, and the operator for any batch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mmpose_ext.layers.feature_shift import feature_shift
from mmpose_ext.models.ssn import SSNHead, SSNResNet
from mmpose_ext.toolbox.export.onnx_file import export_onnx

pytest.importorskip("onnxruntime")


class Shift(nn.Module):
    """Three channels of an image, each by its own offset; one leaves the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.offsets = nn.Parameter(torch.tensor([[1.25, -2.5], [0.0, 0.0], [-40.0, 3.0]]))

    def forward(self, x: Tensor) -> Tensor:
        return feature_shift(x, self.offsets)


@pytest.mark.parametrize("exporter", [pytest.param("dynamo", marks=pytest.mark.slow), "torchscript"])
def test_operator(exporter, tmp_path) -> None:
    report = export_onnx(Shift().eval(), tmp_path / "x.onnx", shape=(16, 12), exporter=exporter)
    assert report.max_difference < 1e-5
    assert report.batch is None and report.nodes < 200


@pytest.mark.slow
@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
def test_network(exporter, tmp_path) -> None:
    torch.manual_seed(0)
    backbone = SSNResNet(50, 16, attention="softplus", num_stages=1, out_indices=(0,))
    network = nn.Sequential(backbone, SSNHead(256, 17, predictors=("P4",), tail="norm")).eval()
    for fsm in backbone.fsms.values():
        nn.init.normal_(fsm.shift.offsets, std=0.2)
    report = export_onnx(network, tmp_path / "x.onnx", shape=(64, 48), exporter=exporter)
    assert report.batch is None
    assert report.max_difference < 1e-4
