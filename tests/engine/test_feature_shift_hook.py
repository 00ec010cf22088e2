"""One hook gives modules their delay and offsets their learning rate, whatever optimizer and schedule a config has."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from mmpose.registry import PARAM_SCHEDULERS
from torch import nn

from mmpose_ext.engine import FeatureShiftHook
from mmpose_ext.models.ssn import FeatureShiftModule
from tests.tiny import write_config

COSINE = dict(type="CosineAnnealingLR", T_max=6, eta_min_ratio=0.01, begin=0, end=6, by_epoch=False)
WARM_UP = dict(type="LinearLR", start_factor=0.1, begin=0, end=3, by_epoch=False)
MOMENTUM = dict(type="CosineAnnealingMomentum", T_max=6, begin=0, end=6, by_epoch=False)
OPTIMIZERS = {
    "one group": dict(optimizer=dict(type="SGD", lr=0.1, momentum=0.9)),
    "a group per parameter": dict(
        optimizer=dict(type="SGD", lr=0.1, momentum=0.9, weight_decay=0.1), paramwise_cfg=dict(norm_decay_mult=0.0)
    ),
    "named groups": dict(
        optimizer=dict(type="SGD", lr=0.1, momentum=0.9),
        constructor="NamedGroupsConstructor",
        paramwise_cfg=dict(groups=dict(norm=dict(pattern="norm", lr=0.05))),
    ),
}


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 1), FeatureShiftModule(4, 5), FeatureShiftModule(4, 5))


def runner(optim_wrapper: dict[str, Any], *, network: Any = network) -> SimpleNamespace:
    model = network()
    wrapper = build_optim_wrapper(model, optim_wrapper)
    schedulers = [PARAM_SCHEDULERS.build(dict(cfg, optimizer=wrapper)) for cfg in (COSINE, WARM_UP, MOMENTUM)]
    return SimpleNamespace(
        model=model,
        optim_wrapper=wrapper,
        param_schedulers=schedulers,
        iter=0,
        max_iters=6,
        train_dataloader=[None] * 2,  # batches of an epoch
        logger=logging.getLogger("test"),
        _train_loop=object(),
    )


def rates(run: SimpleNamespace, hook: FeatureShiftHook | None) -> list[dict[str, float]]:
    """Learning rate of each parameter in six iterations, two to an epoch."""
    names = {id(parameter): name for name, parameter in run.model.named_parameters()}
    seen = []
    for run.iter in range(6):
        run.epoch = 0 if isinstance(run._train_loop, IterBasedTrainLoop) else run.iter // 2
        if hook is not None:
            hook.before_train_iter(run, run.iter)
        groups = run.optim_wrapper.optimizer.param_groups
        seen.append({names[id(one)]: group["lr"] for group in groups for one in group["params"]})
        run.model(torch.rand(2, 3, 4, 4)).sum().backward()
        run.optim_wrapper.optimizer.step()
        for scheduler in run.param_schedulers:
            scheduler.step()
    return seen


@pytest.mark.parametrize("loop", [EpochBasedTrainLoop, IterBasedTrainLoop])
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_offsets_have_a_rate_of_their_own_and_the_rest_has_its_schedule(kind: str, loop: type) -> None:
    plain = rates(runner(OPTIMIZERS[kind]), None)
    run, hook = runner(OPTIMIZERS[kind]), FeatureShiftHook(begin=2, lr=1e-3, decay=0.5)
    run._train_loop = loop.__new__(loop)
    hook.before_run(run)
    found = rates(run, hook)
    assert len(found[0]) == len(list(run.model.parameters()))
    for iteration, (with_hook, without) in enumerate(zip(found, plain, strict=True)):
        for name, rate in with_hook.items():
            wanted = 1e-3 * 0.5 ** (iteration // 2) if name.endswith("shift.offsets") else without[name]
            assert rate == pytest.approx(wanted), (iteration, name)
    assert all(module.inserted for module in run.model[1:])
    resumed = runner(OPTIMIZERS[kind])
    hook.before_run(resumed)
    resumed.optim_wrapper.load_state_dict(run.optim_wrapper.state_dict())


def test_what_can_not_be() -> None:
    for options in (dict(lr=0), dict(decay=0), dict(decay=1.5), dict(begin=-1)):
        with pytest.raises(ValueError, match="expected"):
            FeatureShiftHook(**options)
    with pytest.raises(ValueError, match="offsets of a FeatureShiftModule, got none"):
        FeatureShiftHook().before_run(runner(OPTIMIZERS["one group"], network=lambda: nn.Conv2d(3, 3, 1)))
    named = dict(OPTIMIZERS["named groups"], paramwise_cfg=dict(groups=dict(own=dict(pattern="offsets", lr=1))))
    with pytest.raises(ValueError, match="without a group, got 'own'"):
        FeatureShiftHook().before_run(runner(named))


def test_offsets_that_left_the_map(caplog: pytest.LogCaptureFixture) -> None:
    run, hook = runner(OPTIMIZERS["one group"]), FeatureShiftHook()
    with caplog.at_level(logging.WARNING):
        hook.after_train(run)
        assert not caplog.text
        run.model[1].shift.offsets.data[:2] = torch.tensor([[0.2, -1.1], [3.0, 0.0]])
        hook.after_train(run)
    assert "2 of 10 offsets have left the map" in caplog.text


@pytest.mark.slow
def test_a_plugin_in_a_stock_network_in_bfloat16(tmp_path: Path) -> None:
    """From a checkpoint of the network without it: out for two iterations, then in, with its rate; resumed, too."""
    config = Config.fromfile(write_config(tmp_path))
    plain = config.model.backbone.to_dict()
    torch.save(dict(state_dict=Runner.from_cfg(config).model.state_dict()), tmp_path / "plain.pth")
    plugin = dict(cfg=dict(type="FeatureShiftModule", in_channels=16, shift_channels=6), after="layer3")
    config.model.backbone = dict(type="backbone_with_plugins", backbone=plain, plugins=[plugin])
    config.model.train_cfg = dict(compute_acc=False)
    config.optim_wrapper.type = "BFloat16OptimWrapper"
    config.default_hooks.feature_shift = dict(type="FeatureShiftHook", begin=2, lr=0.01, decay=0.5)
    config.default_hooks.checkpoint = dict(type="CheckpointHook", by_epoch=False, interval=1)
    config.load_from, config.experiment_name = str(tmp_path / "plain.pth"), "plugin"
    Runner.from_cfg(config).train()
    saved = [torch.load(tmp_path / "work" / f"iter_{i}.pth", weights_only=False) for i in (2, 3, 4)]
    (key,) = (key for key in saved[0]["state_dict"] if key.endswith("shift.offsets"))
    offsets = [one["state_dict"][key] for one in saved]
    assert not offsets[0].any() and offsets[1].any() and not torch.equal(offsets[1], offsets[2])
    assert [one["meta"]["modules_inserted"] for one in saved] == [False, True, True]
    assert saved[2]["optimizer"]["param_groups"][1]["lr"] == pytest.approx(0.01 * 0.5)

    config.resume, config.load_from, config.experiment_name = True, str(tmp_path / "work" / "iter_3.pth"), "resumed"
    config.train_cfg.max_epochs = 3
    again = Runner.from_cfg(config)
    again.train()
    (group,) = (one for one in again.optim_wrapper.optimizer.param_groups if one.get("group_name") == "offsets")
    assert group["lr"] == pytest.approx(0.01 * 0.25) and [one.numel() for one in group["params"]] == [12]
