"""Time of the shift operator against grid sampling, deformable convolution and, on a GPU, a copy.

All candidates of a table take turns in one process, so that a machine whose speed drifts drifts for all, and ratios are
medians of ratios within a round.

Shapes: B batch, K channels, H W height and width.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmpose_ext.layers.feature_shift import feature_shift, feature_shift_reference
from mmpose_ext.models.ssn import FeatureShiftModule

__all__ = ["Row", "deformable", "grid_samples", "memory", "time_in_turns"]

Step = Callable[[], object]


class Row(NamedTuple):
    """One line of a table."""

    name: str
    milliseconds: float
    """Median."""
    ratio: float
    """Time of the first candidate, divided by this one's."""


def time_in_turns(steps: Mapping[str, Step], *, rounds: int = 15, device: str = "cpu") -> list[Row]:
    """Time functions, one call of each in every round.

    Args:
        steps: Name -> function; the first is what the others are compared with.
        rounds: How often each has its turn, after two that don't count.
        device: Where they run.
    """
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds + 2):
        for name, step in steps.items():
            if device == "cuda":
                torch.cuda.synchronize()
            start = time.perf_counter()
            step()
            if device == "cuda":
                torch.cuda.synchronize()
            times[name].append(1000 * (time.perf_counter() - start))
    counted = {name: values[2:] for name, values in times.items()}
    first = next(iter(counted.values()))
    return [
        Row(name, median(values), median(a / b for a, b in zip(first, values, strict=True)))
        for name, values in counted.items()
    ]


def grid_sample_per_map(x: Tensor, offsets: Tensor) -> Tensor:
    """The shift as most people would write it: a grid for each map, (B K, 1, H, W)."""
    batch, channels, height, width = x.shape
    columns = (2 * (torch.arange(width, device=x.device) - offsets[:, :1]) + 1) / width - 1
    rows = (2 * (torch.arange(height, device=x.device) - offsets[:, 1:]) + 1) / height - 1
    grid = torch.stack([columns[:, None].expand(-1, height, -1), rows[:, :, None].expand(-1, -1, width)], -1)
    grid = grid.repeat(batch, 1, 1, 1)
    return F.grid_sample(x.reshape(-1, 1, height, width), grid, align_corners=False).view_as(x)


def grid_samples(shape: tuple[int, int, int, int], *, device: str = "cpu", rounds: int = 15) -> dict[str, list[Row]]:
    """The shift against two forms of grid sampling, forward and forward with backward.

    Args:
        shape: (B, K, H, W).
        device: Where.
        rounds: See :func:`time_in_turns`.
    """
    x, grad, offsets = _inputs(shape, device)
    forms = {
        "grid_sample, a grid for each map": grid_sample_per_map,
        "grid_sample, a grid for each channel": lambda x, d: feature_shift_reference(x, d).contiguous(),
        "feature_shift": feature_shift,
    }
    frozen = x.detach(), offsets.detach()
    forward = {name: lambda form=form: form(*frozen) for name, form in forms.items()}
    both = {
        name: lambda form=form: torch.autograd.grad(form(x, offsets), (x, offsets), grad)
        for name, form in forms.items()
    }
    return {
        "forward": time_in_turns(forward, rounds=rounds, device=device),
        "forward and backward": time_in_turns(both, rounds=rounds, device=device),
    }


def deformable(
    channels: int, size: tuple[int, int], kernel: int, *, batch: int = 1, device: str = "cpu", rounds: int = 5
) -> dict[str, list[Row]]:
    """A feature shifting module against a deformable convolution with as many window positions.

    Args:
        channels: C of both.
        size: Height and width.
        kernel: Side of the deformable convolution; the module has kernel^2 offsets.
        batch: B.
        device: Where.
        rounds: See :func:`time_in_turns`.
    """
    from torchvision.ops import deform_conv2d

    torch.manual_seed(0)
    count = kernel**2
    x = torch.randn(batch, channels, *size, device=device, requires_grad=True)
    fsm = FeatureShiftModule(channels, count).to(device).train()
    torch.nn.init.normal_(fsm.shift.offsets, std=0.1)
    weight = torch.randn(channels, channels, kernel, kernel, device=device, requires_grad=True)
    where = 6 * torch.randn(batch, 2 * count, *size, device=device)
    where.requires_grad_()
    forms: dict[str, tuple[Callable[[], Tensor], list[Tensor]]] = {
        "deform_conv2d": (lambda: deform_conv2d(x, where, weight, padding=kernel // 2), [x, where, weight]),
        "feature shifting module": (lambda: fsm.non_local(x), [x, *_used(fsm)]),
    }
    with torch.no_grad():
        forward = time_in_turns({name: form for name, (form, _) in forms.items()}, rounds=rounds, device=device)
    both = {
        name: lambda form=form, wanted=wanted: torch.autograd.grad(form().sum(), wanted)
        for name, (form, wanted) in forms.items()
    }
    return {"forward": forward, "forward and backward": time_in_turns(both, rounds=rounds, device=device)}


def memory(shape: tuple[int, int, int, int], *, rounds: int = 50) -> dict[str, float]:
    """Bandwidth of the GPU kernels as a share of that of a copy of the same tensor.

    Forward reads and writes one tensor, as a copy does; backward reads two and writes one, so 1.5 copies are its limit.

    Args:
        shape: (B, K, H, W).
        rounds: See :func:`time_in_turns`.
    """
    x, grad, offsets = _inputs(shape, "cuda")
    x, offsets = x.detach(), offsets.detach()
    operators = torch.ops.mmpose_ext
    steps = {
        "copy": lambda: grad.copy_(x),
        "forward": lambda: operators.feature_shift(x, offsets),
        "backward": lambda: operators.feature_shift_backward(grad, x, offsets),
    }
    _, forward, backward = time_in_turns(steps, rounds=rounds, device="cuda")
    return {"forward": forward.ratio, "backward": 1.5 * backward.ratio}


def _inputs(shape: tuple[int, int, int, int], device: str) -> tuple[Tensor, Tensor, Tensor]:
    """A map, a gradient, and offsets of six pixels or so."""
    torch.manual_seed(0)
    x, grad = torch.randn(shape, device=device), torch.randn(shape, device=device)
    return x.requires_grad_(), grad, (6 * torch.randn(shape[1], 2, device=device)).requires_grad_()


def _used(fsm: FeatureShiftModule) -> list[Tensor]:
    """Parameters in front of the final norm."""
    return [parameter for name, parameter in fsm.named_parameters() if not name.startswith("norm.")]
