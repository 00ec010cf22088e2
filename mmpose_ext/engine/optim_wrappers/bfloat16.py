"""Training in bfloat16 on any device, CPUs included.

MMEngine's ``AmpOptimWrapper`` refuses to run without an accelerator, because its gradient scaler needs one. bfloat16
has the range of float32 and needs no scaler, and CPUs with AMX or AVX512-BF16 multiply it several times as fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from mmpose.registry import OPTIM_WRAPPERS
from torch import nn


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """``OptimWrapper`` whose forward pass and loss run under autocast to bfloat16.

    Weights and optimizer stay in float32. All arguments are those of ``OptimWrapper``.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Enter autocast beside what ``OptimWrapper`` enters.

        Args:
            model: The model that is trained.
        """
        device = next(model.parameters()).device.type
        with super().optim_context(model), _plain_attention(device), torch.autocast(device, dtype=torch.bfloat16):
            yield


@contextmanager
def _plain_attention(device: str) -> Iterator[None]:
    """Keep fused attention away from CPUs, where its backward pass in bfloat16 takes several times as long."""
    fused = torch.backends.cuda.flash_sdp_enabled()  # the switch of all devices, whatever its name says
    torch.backends.cuda.enable_flash_sdp(fused and device != "cpu")
    try:
        yield
    finally:
        torch.backends.cuda.enable_flash_sdp(fused)
