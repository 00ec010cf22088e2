"""Time and memory of one training step of several networks, measured in turns.

A step is forward pass, mean squared error to heatmaps of zeros, backward pass and one step of the optimizer. Times
are taken as in :mod:`.benchmark`: the networks take turns in one process, and ratios are taken round by round. Memory
is the largest resident size of a process of its own that does three steps, less what it had before the network was
built.
"""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from mmpose_ext.toolbox.export.onnx_file import flatten_output
from mmpose_ext.toolbox.networks import load_candidate

__all__ = ["TrainingStep", "measure_training"]


@dataclass
class TrainingStep:
    """What one network needs for a step.

    Attributes:
        label: Name of the network.
        seconds: One time per round.
        forward_seconds: The same for the forward pass alone, in ``eval()`` mode without gradients.
        bytes: Peak memory of a step; 0 where it was not measured.
    """

    label: str
    seconds: list[float] = field(default_factory=list)
    forward_seconds: list[float] = field(default_factory=list)
    bytes: int = 0

    @property
    def milliseconds(self) -> tuple[float, float]:
        """Medians of the forward pass and of the step."""
        return 1e3 * statistics.median(self.forward_seconds), 1e3 * statistics.median(self.seconds)

    def ratio(self, other: TrainingStep) -> tuple[float, float]:
        """How many times as fast as another network: forward pass and step, medians of the ratios of each round."""
        pairs = ((self.forward_seconds, other.forward_seconds), (self.seconds, other.seconds))
        forward, step = (statistics.median(b / a for a, b in zip(*pair, strict=True)) for pair in pairs)
        return forward, step


def make_step(name: str, *, batch: int, shape: tuple[int, int] | None = None) -> tuple[Callable, Callable]:
    """Build a network; return functions for a training step and for a forward pass in ``eval()`` mode.

    Args:
        name: As for :func:`.load_candidate`.
        batch: Images of a step.
        shape: Input height and width in place of the config's.
    """
    candidate = load_candidate(name, shape=shape)
    network: nn.Module = candidate.build().requires_grad_(True)
    optimizer = torch.optim.RMSprop(network.parameters(), lr=1e-5)
    images = torch.randn(batch, 3, *candidate.require_shape(), generator=torch.Generator().manual_seed(0))

    def step() -> None:
        network.train()
        outputs: Sequence[Tensor] = flatten_output(network(images))
        loss = torch.stack([x.float().square().mean() for x in outputs]).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    def forward() -> None:
        network.eval()
        with torch.no_grad():
            network(images)

    return step, forward


def measure_training(
    names: Sequence[str], *, batch: int, rounds: int = 5, threads: int = 1, shape: tuple[int, int] | None = None
) -> list[TrainingStep]:
    """Measure all networks.

    Args:
        names: Configs, as for :func:`.load_candidate`.
        batch: Images of a step.
        rounds: How often each has its turn.
        threads: Threads of PyTorch.
        shape: Input height and width in place of the configs'.
    """
    torch.set_num_threads(threads)
    results = [TrainingStep(load_candidate(name).label) for name in names]
    functions = [make_step(name, batch=batch, shape=shape) for name in names]
    for i in range(rounds + 1):  # the first round warms up
        for result, (step, forward) in zip(results, functions, strict=True):
            times = (_seconds(forward), _seconds(step))
            if i:
                result.forward_seconds.append(times[0])
                result.seconds.append(times[1])
    del functions
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        jobs = [(name, batch, threads, shape) for name in names]
        for result, size in zip(results, pool.starmap(_peak_bytes, jobs, chunksize=1), strict=True):
            result.bytes = size
    return results


def _seconds(function: Callable[[], None]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _peak_bytes(name: str, batch: int, threads: int, shape: tuple[int, int] | None) -> int:
    """Peak resident size of three steps in this process, less that before the network was built."""
    torch.set_num_threads(threads)
    before = _resident()
    step, _ = make_step(name, batch=batch, shape=shape)
    for _ in range(3):
        step()
    return _resident() - before


def _resident() -> int:
    """Largest resident size of this process so far, in bytes.

    Linux hands ``ru_maxrss`` on to the processes that a large one starts, so its own file of this one comes first.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 1024 * kilobytes
