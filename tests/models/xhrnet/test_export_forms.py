"""The forms that an ONNX graph is traced in, against the one of PyTorch."""

import pytest
import torch

from mmpose_ext.layers.target_runtime import RUNTIMES, target_runtime, traced_for
from mmpose_ext.models.xhrnet import SpatiallyUnidimensionalSelfAttention
from mmpose_ext.models.xhrnet.x_shuffle import interleave

B, C, H, W = 2, 6, 8, 5


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("axis", ["H", "W"])
@pytest.mark.parametrize("fusion", ["mul", "add"])
def test_attention(runtime, axis, fusion):
    module = SpatiallyUnidimensionalSelfAttention(C, axis, length=H if axis == "H" else W, fusion=fusion).double()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=1.0)
    x = torch.randn(B, C, H, W, dtype=torch.float64)
    with torch.no_grad(), traced_for(runtime):
        torch.testing.assert_close(module.forward_channels_first(x), module(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("channels", [C, 50])
def test_interleave(runtime, channels, monkeypatch):
    first, second = torch.randn(2, B, channels, H, W)
    expected = interleave(first, second)
    monkeypatch.setattr(torch.onnx, "is_in_onnx_export", lambda: True)
    with traced_for(runtime):
        assert torch.equal(interleave(first, second), expected)


def test_target_runtime():
    with (
        pytest.raises(ValueError, match="expected a runtime among onnxruntime, openvino, got 'tensorrt'"),
        traced_for("tensorrt"),
    ):
        pass
    with pytest.raises(KeyError), traced_for("openvino"):
        raise KeyError
    assert target_runtime() == "onnxruntime"
