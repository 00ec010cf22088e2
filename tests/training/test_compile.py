"""`torch.compile` takes each network in training mode as one graph; a graph break there would cost what it saves."""

from __future__ import annotations

import pytest
import torch

from tests.training.networks import FIVE, batch, build


@pytest.mark.slow
@pytest.mark.parametrize("name", FIVE)
def test_one_graph(name: str) -> None:
    model = build(FIVE[name]).train()
    images, _ = batch(FIVE[name].codec, 2)

    def forward(images: torch.Tensor) -> object:
        return model.head(model.extract_feat(images))

    torch.manual_seed(0)  # SCANet draws noise
    expected = forward(images)
    torch.manual_seed(0)
    torch._dynamo.reset()
    torch.testing.assert_close(torch.compile(forward, backend="eager", fullgraph=True)(images), expected)
