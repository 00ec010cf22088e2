"""Gradient checkpointing that leaves the running statistics of batch norms as they are without it.

The inside of a module is computed again for the gradient. With PyTorch's ``checkpoint`` alone, and everywhere in
OpenMMLab, a batch norm then counts each batch twice. Here the second computation keeps no statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

__all__ = ["checkpointed"]


def checkpointed(module: nn.Module, function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply a function and compute it again in the backward pass, so that its inside needs no memory until then.

    Args:
        module: The module whose batch norms the function uses.
        function: Maps a tensor to a tensor, such as the module itself or one of its methods.
        x: Its input. Without a gradient to come, the function is simply applied.
    """
    if not (torch.is_grad_enabled() and x.requires_grad):
        return function(x)

    def contexts() -> tuple[AbstractContextManager, AbstractContextManager]:
        return nullcontext(), frozen_statistics(module)

    result: Tensor = checkpoint(function, x, use_reentrant=False, context_fn=contexts)
    return result


@contextmanager
def frozen_statistics(module: nn.Module) -> Iterator[None]:
    """Let batch norms use the statistics of the batch without keeping them.

    Args:
        module: All batch norms inside it that are in training mode.
    """
    norms = [part for part in module.modules() if isinstance(part, _BatchNorm) and part.training]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0  # running statistics stay; the number of batches does not
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            if norm.num_batches_tracked is not None:
                norm.num_batches_tracked.sub_(1)
