"""Two processes learn what one learns.

Two workers join as ``--launcher pytorch`` makes them, each with half of the persons, in float64, without augmentation.
What one process gives is computed beside it in two ways:

- the whole batch at once, with batch norms in evaluation mode and without noise: losses and gradients are means over
  persons. SSN is left out: its loss is the root of a mean over the batch, and a mean of two roots is another number;
- the halves one after the other, their gradients averaged, with batch norms in training mode: each process has the
  statistics of its own half, as everywhere in PyTorch without SyncBN, which needs a GPU. Noise and drop path are on,
  seeded alike.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.dist import init_dist
from mmengine.model import MMDistributedDataParallel
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from tests.mixing.networks import Network
from tests.training.networks import FIVE, Batch, batch, build, losses_of, scanet, sharpose

Record = Callable[[str, object], None]
STEPS = 2
PERSONS = 4


class Step:
    """Loss and gradients of one step.

    Args:
        loss: Of each part of the batch, the sum of its terms.
        gradients: By the name of the parameter.
    """

    def __init__(self, loss: list[float], gradients: dict[str, Tensor]) -> None:
        self.loss, self.gradients = loss, gradients


def set_mode(model: nn.Module, frozen: bool) -> None:
    model.train()
    for module in model.modules():
        if frozen and isinstance(module, _BatchNorm):
            module.eval()


def loss_of(model: nn.Module, part: Batch, seed: int) -> Tensor:
    torch.manual_seed(seed)  # of noise and drop path
    return torch.stack(list(losses_of(model(part.images, part.samples, mode="loss")).values())).sum()


def run(model: nn.Module, parts: list[Batch], first: int, frozen: bool, steps: int = STEPS) -> list[Step]:
    """Train by plain SGD on the mean of the losses of the parts."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    result = []
    set_mode(model, frozen)
    for _ in range(steps):
        optimizer.zero_grad()
        losses = [loss_of(model, part, first + number) for number, part in enumerate(parts)]
        torch.stack(losses).mean().backward()
        names = {name.removeprefix("module."): p.grad for name, p in model.named_parameters() if p.grad is not None}
        result.append(
            Step([float(loss.detach()) for loss in losses], {name: grad.clone() for name, grad in names.items()})
        )
        optimizer.step()
    return result


def work(rank: int, port: int, network: Network, frozen: bool, out: Path) -> None:
    """One of two processes."""
    address = dict(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", **address)
    init_dist("pytorch", backend="nccl")  # gloo without a GPU
    model = MMDistributedDataParallel(build(network).double(), broadcast_buffers=False)
    half = PERSONS // 2
    part = batch(network.codec, PERSONS, dtype=torch.float64).part(rank * half, (rank + 1) * half)
    torch.save(run(model, [part], rank, frozen), out / f"{rank}.pth")


def in_two_processes(network: Network, frozen: bool, out: Path) -> list[list[Step]]:
    """The steps of each process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("fork")  # all is imported
    workers = [context.Process(target=work, args=(rank, port, network, frozen, out)) for rank in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    return [torch.load(out / f"{rank}.pth", weights_only=False) for rank in range(2)]


def difference(found: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    """Largest distance of a gradient, relative to its norm or to a millionth of the largest norm."""
    assert found.keys() == expected.keys()
    floor = 1e-6 * max(float(value.norm()) for value in expected.values())
    return max(float((found[name] - value).norm() / value.norm().clamp_min(floor)) for name, value in expected.items())


def compare(network: Network, frozen: bool, out: Path) -> tuple[float, float]:
    """Largest relative differences of losses and gradients over the steps."""
    first, second = in_two_processes(network, frozen, out)
    whole = batch(network.codec, PERSONS, dtype=torch.float64)
    parts = [whole] if frozen else [whole.part(0, PERSONS // 2), whole.part(PERSONS // 2, PERSONS)]
    one = run(build(network).double(), parts, 0, frozen)
    losses, gradients = [], []
    for a, b, expected in zip(first, second, one, strict=True):
        assert all(torch.equal(value, b.gradients[name]) for name, value in a.gradients.items())
        found = [sum(a.loss + b.loss) / 2] if frozen else a.loss + b.loss
        losses += [abs(x / y - 1) for x, y in zip(found, expected.loss, strict=True)]
        gradients.append(difference(a.gradients, expected.gradients))
    return max(losses), max(gradients)


WHOLE = {**FIVE, "SCANet": scanet(noise="never")}
del WHOLE["SSN"]
HALVES = {**FIVE, "SHaRPose": sharpose(drop_path_rate=0.3)}


@pytest.mark.parametrize(
    ("name", "frozen"), [*((name, True) for name in WHOLE), *((name, False) for name in HALVES)], ids=str
)
def test_two_are_as_one(name: str, frozen: bool, tmp_path: Path, record_property: Record) -> None:
    losses, gradients = compare((WHOLE if frozen else HALVES)[name], frozen, tmp_path)
    record_property("losses, gradients", (losses, gradients))
    assert losses < 1e-12 and gradients < 1e-8


def test_a_wrong_mean_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tests above see if the gradients of the processes are summed."""
    monkeypatch.setattr("tests.training.test_processes.loss_of", lambda *args, of=loss_of: 2 * of(*args))
    with pytest.raises(AssertionError):
        first, _ = in_two_processes(FIVE["SFM"], True, tmp_path)
        monkeypatch.undo()
        one = run(build(FIVE["SFM"]).double(), [batch(FIVE["SFM"].codec, PERSONS, dtype=torch.float64)], 0, True)
        assert difference(first[0].gradients, one[0].gradients) < 1e-8
