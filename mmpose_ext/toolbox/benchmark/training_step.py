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
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from mmpose_ext.toolbox.export.onnx_file import flatten_output
from mmpose_ext.toolbox.networks import load_candidate

__all__ = ["TrainingStep", "measure_processes", "measure_training"]

Wrapper = Callable[[nn.Module], Callable[[Tensor], object]]
"""What a network is put into before it trains."""


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


def make_step(
    name: str, *, batch: int, shape: tuple[int, int] | None = None, wrap: Wrapper | None = None
) -> tuple[Callable, Callable]:
    """Build a network; return functions for a training step and for a forward pass in ``eval()`` mode.

    Args:
        name: As for :func:`.load_candidate`.
        batch: Images of a step.
        shape: Input height and width in place of the config's.
        wrap: What makes of the network what trains; None for the network itself.
    """
    candidate = load_candidate(name, shape=shape)
    network: nn.Module = candidate.build().requires_grad_(True)
    trained = network if wrap is None else wrap(network)
    optimizer = torch.optim.RMSprop(network.parameters(), lr=1e-5)
    images = torch.randn(batch, 3, *candidate.require_shape(), generator=torch.Generator().manual_seed(0))

    def step() -> None:
        network.train()
        outputs: Sequence[Tensor] = flatten_output(trained(images))
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
    names: Sequence[str],
    *,
    batch: int,
    rounds: int = 5,
    threads: int = 1,
    shape: tuple[int, int] | None = None,
    compiled: bool = False,
) -> list[TrainingStep]:
    """Measure all networks.

    Args:
        names: Configs, as for :func:`.load_candidate`.
        batch: Images of a step.
        rounds: How often each has its turn.
        threads: Threads of PyTorch.
        shape: Input height and width in place of the configs'.
        compiled: Whether the steps are those of ``torch.compile``, minutes on a CPU; without memory.
    """
    torch.set_num_threads(threads)
    results = [TrainingStep(load_candidate(name).label) for name in names]
    wrap = torch.compile if compiled else None
    functions = [make_step(name, batch=batch, shape=shape, wrap=wrap) for name in names]
    for i in range(rounds + 1):  # the first round warms up
        for result, (step, forward) in zip(results, functions, strict=True):
            times = (_seconds(forward), _seconds(step))
            if i:
                result.forward_seconds.append(times[0])
                result.seconds.append(times[1])
    del functions
    if compiled:
        return results
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        jobs = [(name, batch, threads, shape) for name in names]
        for result, size in zip(results, pool.starmap(_peak_bytes, jobs, chunksize=1), strict=True):
            result.bytes = size
    return results


def measure_processes(
    names: Sequence[str], *, processes: int, batch: int, rounds: int = 5, shape: tuple[int, int] | None = None
) -> list[float]:
    """Seconds of a step of processes of one thread each that share their gradients by gloo, the median of each network.

    Args:
        names: Configs, as for :func:`.load_candidate`.
        processes: How many.
        batch: Images of a step of each process.
        rounds: Steps that are measured, after two that are not.
        shape: Input height and width in place of the configs'.
    """
    medians = []
    for name in names:
        with TemporaryDirectory() as folder, multiprocessing.get_context("spawn").Pool(processes) as pool:
            store = Path(folder, "store").as_uri()
            jobs = [(rank, processes, store, name, batch, rounds, shape) for rank in range(processes)]
            medians.append(max(pool.starmap(_shared_step, jobs, chunksize=1)))
    return medians


def _shared_step(
    rank: int, processes: int, store: str, name: str, batch: int, rounds: int, shape: tuple[int, int] | None
) -> float:
    """Median of the steps of this process."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=processes)
    try:
        step, _ = make_step(
            name,
            batch=batch,
            shape=shape,
            wrap=lambda network: DistributedDataParallel(network, static_graph=True),
        )
        return statistics.median([_seconds(step) for _ in range(rounds + 2)][2:])
    finally:
        distributed.destroy_process_group()


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
