"""The Triton kernels in Triton's interpreter, which needs no GPU; with one, on it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmpose_ext.layers.feature_shift import feature_shift, feature_shift_reference

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import torch
from mmpose_ext.layers.feature_shift import feature_shift_reference
from mmpose_ext.layers.feature_shift.triton_kernels import shift_backward_triton, shift_triton

torch.manual_seed(0)
for shape in [(2, 3, 5, 9), (1, 2, 40, 30), (2, 3, 1, 1), (0, 3, 4, 4)]:  # the second in two blocks
    x = torch.randn(*shape, dtype=torch.float64, requires_grad=True)
    offsets = (4 * torch.randn(shape[1], 2, dtype=torch.float64)).requires_grad_()
    grad = torch.randn(*shape, dtype=torch.float64)
    for dtype, tolerance in [(torch.float64, 1e-12), (torch.float32, 1e-4), (torch.float16, 5e-2)]:
        low = x.detach().to(dtype)
        number = offsets.detach().to(torch.promote_types(dtype, torch.float32))
        out = shift_triton(low, number)
        grad_x, grad_offsets = shift_backward_triton(grad.to(dtype), low, number)
        assert (out.dtype, grad_x.dtype, grad_offsets.dtype) == (dtype, dtype, number.dtype)
        assert out.shape == x.shape
        if not x.numel():
            assert not grad_offsets.any()
            continue
        exact = feature_shift_reference(x, offsets)
        wanted = (exact, *torch.autograd.grad(exact, (x, offsets), grad))
        for ours, right in zip((out, grad_x, grad_offsets), wanted, strict=True):
            assert (ours.double() - right).abs().max() <= tolerance * max(1.0, float(right.abs().max())), (shape, dtype)

zero = torch.zeros(3, 2, dtype=torch.float64)  # offsets begin there, and have to be able to leave
x, grad = torch.randn(2, 2, 3, 6, 5, dtype=torch.float64)
from mmpose_ext.layers.feature_shift.cpu import shift_backward_cpu
torch.testing.assert_close(shift_backward_triton(grad, x, zero), shift_backward_cpu(grad, x, zero))
print("equal")
"""

needs_triton = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed")


@pytest.mark.slow
@needs_triton
def test_kernels_in_the_interpreter() -> None:
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.stdout.strip().endswith("equal"), done.stderr[-3000:]


@pytest.mark.gpu
def test_on_a_gpu() -> None:
    x = torch.randn(4, 16, 64, 48, device="cuda", requires_grad=True)
    offsets = (6 * torch.randn(16, 2, device="cuda")).requires_grad_()
    grad = torch.randn_like(x)
    ours, wanted = feature_shift(x, offsets), feature_shift_reference(x, offsets)
    torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-4)
    pairs = zip(*(torch.autograd.grad(out, (x, offsets), grad) for out in (ours, wanted)), strict=True)
    for a, b in pairs:
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-2)
