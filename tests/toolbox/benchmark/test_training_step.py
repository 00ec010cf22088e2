"""Training steps of two networks in turns, and the memory of one."""

from __future__ import annotations

import statistics

import pytest
import torch

from mmpose_ext.toolbox.benchmark.training_step import TrainingStep, make_step, measure_processes, measure_training

NAME = "scanet-1s-lspetmpii-128x128"


def test_ratios_are_medians_of_the_ratios_of_each_round() -> None:
    fast = TrainingStep("fast", seconds=[1.0, 2.0, 4.0], forward_seconds=[1.0, 1.0, 1.0])
    slow = TrainingStep("slow", seconds=[2.0, 8.0, 8.0], forward_seconds=[3.0, 3.0, 5.0])
    assert fast.ratio(slow) == (3.0, 2.0)
    assert fast.milliseconds == (1000.0, 1e3 * statistics.median([1.0, 2.0, 4.0]))


def test_a_step_trains_and_a_forward_pass_does_not() -> None:
    step, forward = make_step(NAME, batch=2, shape=(128, 64))
    network = step.__closure__
    assert network is not None
    (module,) = {cell.cell_contents for cell in network if isinstance(cell.cell_contents, torch.nn.Module)}
    before = {name: parameter.clone() for name, parameter in module.named_parameters()}
    forward()
    assert all(torch.equal(before[name], parameter) for name, parameter in module.named_parameters())
    step()
    assert not all(torch.equal(before[name], parameter) for name, parameter in module.named_parameters())


@pytest.mark.slow
def test_processes() -> None:
    (seconds,) = measure_processes([NAME], processes=2, batch=2, rounds=1, shape=(64, 64))
    assert 0 < seconds < 60


@pytest.mark.slow
def test_measure() -> None:
    (step,) = measure_training([NAME], batch=2, rounds=2, shape=(128, 64))
    assert len(step.seconds) == len(step.forward_seconds) == 2
    assert step.bytes > 50 * 2**20, "3.4M weights with gradients and optimizer, and the maps"
