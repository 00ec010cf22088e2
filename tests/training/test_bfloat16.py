"""A hundred steps under autocast to bfloat16: no NaN, and something is learned."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from mmengine.optim import build_optim_wrapper

from tests.mixing.networks import Network
from tests.training.networks import FIVE, batch, build, sharpose, three_blocks

CASES: dict[str, Network] = {
    **FIVE,
    "SHaRPose, gated": sharpose(quality_threshold=0.5),
    "SHaRPose, fine only": sharpose("SHaRPoseOneStage", scale=1.0),
    "3Block+3FSM": three_blocks(),
}
STEPS = 100


def train(network: Network, steps: int) -> list[float]:
    """The losses of a training on eight persons, which all parameters survive."""
    model = build(network).train()
    config = dict(type="BFloat16OptimWrapper", optimizer=dict(type="Adam", lr=1e-3))
    wrapper = build_optim_wrapper(model, config)
    batches = [batch(network.codec, 4, seed=seed) for seed in range(2)]
    losses = []
    for step in range(steps):
        images, samples = batches[step % 2]
        with wrapper.optim_context(model):
            loss, values = model.parse_losses(model(images, samples, mode="loss"))
        assert loss.dtype == torch.float32
        assert all(torch.isfinite(value).all() for value in values.values()), f"step {step}: {values}"
        wrapper.update_params(loss)
        losses.append(float(loss.detach()))
    for name, value in model.state_dict().items():
        assert torch.isfinite(value).all(), name
    return losses


@pytest.mark.parametrize("name", FIVE)
def test_two_steps(name: str) -> None:
    train(CASES[name], 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_hundred_steps(name: str, record_property: Callable[[str, object], None]) -> None:
    losses = train(CASES[name], STEPS)
    record_property("loss", (sum(losses[:4]) / 4, sum(losses[-4:]) / 4))
    assert sum(losses[-4:]) < 0.7 * sum(losses[:4])
