"""ONNX Runtime beside PyTorch, for all five networks: trained statistics, four batch sizes, images of any content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from mmpose_ext.layers.deploy import switch_to_deploy
from mmpose_ext.toolbox.export.onnx_file import TOLERANCE, export_onnx, flatten_output, max_relative_difference
from mmpose_ext.toolbox.inference.onnx_runtime import onnx_session
from mmpose_ext.toolbox.networks import PoseNet
from tests.mixing.networks import Network
from tests.training.networks import FIVE, SIDE, build, scanet

pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.slow

CASES: dict[str, Network] = {**FIVE, "SCANet, soft": scanet(variant="soft")}
BATCHES = (1, 2, 3, 7)


def images(batch: int) -> dict[str, torch.Tensor]:
    """Noise, and what a normalized image of one color, or of none, is."""
    shape = (batch, 3, SIDE, SIDE)
    color = torch.randn(batch, 3, 1, 1).expand(shape)
    black, white = (torch.full(shape, value) for value in (-2.1, 2.6))
    mixed = torch.where(torch.arange(batch)[:, None, None, None] % 2 == 0, torch.randn(shape), color)
    return dict(noise=torch.randn(shape), zero=torch.zeros(shape), black=black, white=white, color=color, mixed=mixed)


@pytest.mark.parametrize("name", CASES)
def test_outputs(name: str, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """The deployed form in a file against the training form in PyTorch."""
    reference = PoseNet(build(CASES[name])).eval().requires_grad_(False)
    network = PoseNet(build(CASES[name])).eval().requires_grad_(False)
    switch_to_deploy(network)
    path = tmp_path / "network.onnx"
    report = export_onnx(network, path, shape=(SIDE, SIDE), reference=reference)
    assert report.batch is None
    session = onnx_session(path, threads=1)
    found = {}
    for batch in BATCHES:
        for kind, given in images(batch).items():
            expected = flatten_output(reference(given))
            got = [torch.from_numpy(x) for x in session.run(None, {"images": given.contiguous().numpy()})]
            found[f"{kind}, {batch}"] = max_relative_difference(got, expected)
    record_property("largest", max(found.items(), key=lambda item: item[1]))
    assert max(found.values()) <= TOLERANCE, found
