"""Adam as one fused operation, where this torch has it.

Networks of many small tensors (X-HRNet-18 has 595) spend a tenth of a training step on CPU in Adam's Python loop.

Paper: Kingma and Ba, Adam: A Method for Stochastic Optimization (https://arxiv.org/abs/1412.6980).
Rounding differs from the loop in the last digits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mmpose.registry import OPTIMIZERS
from torch import Tensor
from torch.optim import Adam


@OPTIMIZERS.register_module()
class FusedAdam(Adam):
    """:class:`torch.optim.Adam` with ``fused=True`` where torch supports it for these parameters, else the plain one.

    Torch fuses on CUDA, and from 2.4 on CPU too. A checkpoint of one form resumes in the other.

    Args:
        params: Parameters, or groups of them.
        lr: Learning rate.
        betas: Decay of the running averages of gradient and squared gradient.
        eps: Added to the denominator.
        weight_decay: L2 penalty.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        groups = list(params)  # an iterator would be spent after the first attempt
        settings = dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
        try:
            super().__init__(groups, fused=True, **settings)
        except RuntimeError:  # torch has no fused form for this device
            super().__init__(groups, **settings)
