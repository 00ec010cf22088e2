"""Sigmoid focal loss.

Names, arguments and deviations: see :mod:`mmpose_ext.compat.mmcv_ops`.

N boxes, C classes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmpose_ext.compat.mmcv_ops.gradients import gradients


def _sigmoid_focal_loss(logits: Tensor, target: Tensor, weight: Tensor, gamma: float, alpha: float) -> Tensor:
    """Focal loss (N, C) of logits (N, C) for labels (N,), where any label outside [0, C) is background."""
    classes = torch.arange(logits.shape[1], device=logits.device)
    positive = target[:, None] == classes  # N C
    log_p, log_q = torch.nn.functional.logsigmoid(logits), torch.nn.functional.logsigmoid(-logits)
    loss = torch.where(positive, -alpha * log_q.exp() ** gamma * log_p, -(1 - alpha) * log_p.exp() ** gamma * log_q)
    return loss * weight[target][:, None] if weight.numel() else loss


def sigmoid_focal_loss_forward(
    logits: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Sigmoid focal loss, not reduced, into ``output``."""
    output.copy_(_sigmoid_focal_loss(logits, target, weight, gamma, alpha))


def sigmoid_focal_loss_backward(
    logits: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """Derivative of each entry by its logit, into ``grad_input``; the caller multiplies by its own gradient."""
    (grad,) = gradients(
        lambda x: _sigmoid_focal_loss(x, target, weight, gamma, alpha), [logits], torch.ones_like(logits)
    )
    grad_input.copy_(grad)
