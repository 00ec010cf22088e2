"""MMPose's heads train in bfloat16, with the accuracy in the log."""

from __future__ import annotations

import pytest
import torch
from mmpose.registry import MODELS
from mmpose.utils import tensor_utils

from mmpose_ext.compat import bfloat16
from tests.mixing.networks import Network
from tests.training.networks import FIVE, batch, build


@pytest.mark.parametrize("network", [FIVE["X-HRNet"], FIVE["SCANet"]], ids=["HeatmapHead", "CPMHead"])
def test_the_accuracy(network: Network) -> None:
    model = build(network).train()
    images, samples = batch(network.codec, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = model(images, samples, mode="loss")
    assert 0 <= float(losses["acc_pose"]) <= 1


def test_everything_else_stays() -> None:
    x = torch.rand(2, 3)
    assert tensor_utils.to_numpy(x).ctypes.data == x.data_ptr()
    halves = tensor_utils.to_numpy([x.bfloat16(), x.half()])
    assert [str(part.dtype) for part in halves] == ["float32", "float16"]
    ((first, second), _) = tensor_utils.to_numpy((x.bfloat16(), x), unzip=True)
    assert first.dtype == "float32" and second.tolist() == [x[0].tolist()]
    patched = tensor_utils.to_numpy
    bfloat16.install()
    assert tensor_utils.to_numpy is patched
    assert MODELS.get("HeatmapHead").loss.__globals__["to_numpy"] is patched
