"""Adam in its fused form: registered, equal to the plain one, and a way out where torch can't fuse."""

import copy

import pytest
import torch
from mmpose.registry import OPTIMIZERS
from torch import nn

from mmpose_ext.engine.optimizers import FusedAdam


def train(net: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 5) -> torch.Tensor:
    inputs = torch.randn(16, 4, generator=torch.Generator().manual_seed(1))
    for _ in range(steps):
        optimizer.zero_grad()
        net(inputs).square().mean().backward()
        optimizer.step()
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def test_equals_plain_adam():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    other = copy.deepcopy(net)
    settings = dict(lr=1e-2, betas=(0.8, 0.99), weight_decay=1e-3)
    ours = OPTIMIZERS.build(dict(type="FusedAdam", params=net.parameters(), **settings))
    plain = torch.optim.Adam(other.parameters(), **settings)
    before = torch.cat([p.detach().flatten() for p in other.parameters()])
    after = train(net, ours)
    torch.testing.assert_close(after, train(other, plain), rtol=1e-5, atol=1e-6)
    assert (after - before).abs().max() > 1e-2


def test_falls_back_where_torch_cannot_fuse(monkeypatch):
    plain = torch.optim.Adam.__init__

    def without_fused(self, *args, fused=None, **kwargs):
        if fused:
            raise RuntimeError("`fused=True` requires all the params to be on CUDA")
        plain(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.Adam, "__init__", without_fused)
    net = nn.Linear(4, 2)
    optimizer = FusedAdam(net.parameters(), lr=0.1)
    assert not optimizer.defaults.get("fused")
    assert len(optimizer.param_groups[0]["params"]) == 2
    train(net, optimizer)


def test_bad_settings_stay_errors():
    with pytest.raises(ValueError, match="learning rate"):
        FusedAdam(nn.Linear(2, 2).parameters(), lr=-1.0)


def test_parameter_groups_keep_their_own_rate():
    net = nn.Linear(4, 2)
    optimizer = FusedAdam([dict(params=[net.weight], lr=0.5), dict(params=[net.bias])], lr=0.1)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.1]
