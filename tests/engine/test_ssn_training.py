"""What SSN is trained with: named groups, schedulers for one of them, delayed insertion."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner
from mmpose.registry import OPTIM_WRAPPER_CONSTRUCTORS, PARAM_SCHEDULERS
from torch import nn

from mmpose_ext.engine import DelayedInsertionHook
from mmpose_ext.models.ssn import FeatureShiftModule
from mmpose_ext.toolbox.inference.weights import load_weights
from tests.tiny import write_config

GROUPS = dict(offsets=dict(pattern=r"\.shift\.offsets$", lr=1e-3))
PARAMWISE = dict(groups=GROUPS)


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 1), FeatureShiftModule(4, 5))


def wrapper(groups: dict = GROUPS):
    return build_optim_wrapper(
        network(),
        dict(
            optimizer=dict(type="Adam", lr=5e-4),
            constructor="NamedGroupsConstructor",
            paramwise_cfg=dict(groups=groups),
        ),
    )


def rates(optimizer) -> dict[str, float]:
    return {group["group_name"]: group["lr"] for group in optimizer.optimizer.param_groups}


def test_groups() -> None:
    optimizer = wrapper()
    assert rates(optimizer) == dict(offsets=1e-3, network=5e-4)
    sizes = {group["group_name"]: [p.numel() for p in group["params"]] for group in optimizer.optimizer.param_groups}
    assert sizes["offsets"] == [10]
    assert sum(sizes["network"]) == sum(p.numel() for p in network().parameters()) - 10


def test_a_frozen_group_is_there_and_empty() -> None:
    """As with `frozen_stages`: its scheduler finds it, and nothing moves."""
    model = network()
    model[1].requires_grad_(False)
    optimizer = build_optim_wrapper(
        model, dict(optimizer=dict(type="Adam", lr=5e-4), constructor="NamedGroupsConstructor", paramwise_cfg=PARAMWISE)
    )
    PARAM_SCHEDULERS.build(dict(type="GroupStepLR", group="offsets", step_size=1, optimizer=optimizer))
    before = model[0].weight.detach().clone()
    optimizer.update_params(model(torch.rand(1, 3, 4, 4)).sum())
    assert rates(optimizer) == dict(offsets=1e-3, network=5e-4)
    assert optimizer.optimizer.param_groups[0]["params"] == [] and not torch.equal(before, model[0].weight)


@pytest.mark.parametrize(
    ("groups", "match"),
    [
        (dict(offsets=dict(pattern="no such", lr=1)), "patterns that fit names .* 'no such'"),
        (dict(offsets=dict(lr=1)), "dict\\(pattern=..., lr=...\\)"),
        (dict(network=dict(pattern="conv", lr=1)), "another name than 'network'"),
    ],
)
def test_groups_that_can_not_be(groups, match) -> None:
    with pytest.raises(ValueError, match=match):
        wrapper(groups)
    with pytest.raises(ValueError, match="paramwise_cfg=dict"):
        OPTIM_WRAPPER_CONSTRUCTORS.build(
            dict(
                type="NamedGroupsConstructor",
                optim_wrapper_cfg=dict(optimizer=dict(type="Adam")),
                paramwise_cfg=dict(custom_keys={}),
            )
        )


def test_one_group_decays_after_each_epoch_and_the_other_late() -> None:
    optimizer = wrapper()
    schedulers = [
        PARAM_SCHEDULERS.build(dict(optimizer=optimizer, **config))
        for config in [
            dict(type="GroupStepLR", group="offsets", step_size=1, gamma=0.9, by_epoch=True),
            dict(type="GroupMultiStepLR", group="network", milestones=[3], gamma=0.5, by_epoch=True),
        ]
    ]
    seen = []
    for _ in range(5):
        seen.append(rates(optimizer))
        optimizer.optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    assert [each["offsets"] for each in seen] == pytest.approx([1e-3 * 0.9**i for i in range(5)])
    assert [each["network"] for each in seen] == pytest.approx([5e-4] * 3 + [2.5e-4] * 2)
    assert optimizer.get_lr()["base_lr"] == [2.5e-4], "what a log calls base_lr is the network's"


def test_a_scheduler_is_resumed_where_it_was() -> None:
    def step(optimizer, scheduler) -> float:
        optimizer.optimizer.step()
        scheduler.step()
        return rates(optimizer)["offsets"]

    config = dict(type="GroupStepLR", group="offsets", step_size=2, gamma=0.9, by_epoch=True)
    first = wrapper()
    one = PARAM_SCHEDULERS.build(dict(optimizer=first, **config))
    wanted = [step(first, one) for _ in range(3)]
    second = wrapper()
    other = PARAM_SCHEDULERS.build(dict(optimizer=second, **config))
    second.load_state_dict(first.state_dict())
    other.load_state_dict(one.state_dict())
    assert rates(second)["offsets"] == wanted[-1]
    assert [step(first, one) for _ in range(4)] == [step(second, other) for _ in range(4)]


@pytest.mark.parametrize("kind", ["GroupLinearLR", "GroupCosineAnnealingLR"])
def test_the_others_leave_the_second_group_alone(kind) -> None:
    optimizer = wrapper()
    extra = dict(start_factor=0.1, end=3) if kind == "GroupLinearLR" else dict(T_max=4)
    scheduler = PARAM_SCHEDULERS.build(dict(type=kind, optimizer=optimizer, group="network", by_epoch=False, **extra))
    values = []
    for _ in range(3):
        values.append(rates(optimizer))
        optimizer.optimizer.step()
        scheduler.step()
    assert {each["offsets"] for each in values} == {1e-3}
    assert len({each["network"] for each in values}) == 3


def test_a_group_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match=r"among \['network', 'offsets'\], got 'offset'"):
        PARAM_SCHEDULERS.build(dict(type="GroupStepLR", optimizer=wrapper(), group="offset", step_size=1))


def runner(iteration: int, *, max_iters: int = 100) -> SimpleNamespace:
    logger = logging.getLogger("test")
    return SimpleNamespace(model=network(), iter=iteration, max_iters=max_iters, logger=logger, _train_loop=object())


def inserted(run: SimpleNamespace) -> bool:
    return run.model[1].inserted


def test_insertion_follows_from_the_iteration() -> None:
    hook = DelayedInsertionHook(begin=3)
    for iteration in (5, 0, 2, 3, 4):  # a resumed run may begin anywhere
        run = runner(iteration)
        hook.before_train_iter(run, 0)
        assert inserted(run) is (iteration >= 3)


@pytest.mark.parametrize(("trained", "expected"), [(0, True), (1, False), (3, False), (4, True)])
def test_validation_sees_what_was_trained_last(trained, expected) -> None:
    """Before any training, as in a run that only validates, nothing is known and nothing changes."""
    run = runner(trained)
    DelayedInsertionHook(begin=3).before_val(run)
    assert inserted(run) is expected


def checkpoint_of(hook: DelayedInsertionHook, trained: int) -> dict:
    """What a run that trained for some iterations saves."""
    run = runner(trained - 1)
    hook.before_train_iter(run, 0)
    checkpoint = dict(state_dict=run.model.state_dict(), meta=dict(iter=trained))
    hook.before_save_checkpoint(run, checkpoint)
    return checkpoint


def life(hook: DelayedInsertionHook, run: SimpleNamespace, iterations: range) -> list[bool]:
    """Whether the modules are in, in each iteration of a training."""
    seen = []
    hook.before_train(run)
    for run.iter in iterations:
        hook.before_train_iter(run, 0)
        seen.append(inserted(run))
    return seen


@pytest.mark.parametrize(
    ("trained", "expected"), [(2, [False] * 3 + [True]), (3, [False] * 3 + [True]), (4, [True] * 4)]
)
def test_a_training_from_a_checkpoint_keeps_what_is_trained(trained: int, expected: list[bool]) -> None:
    """By ``load_from``, so from iteration 0 on; what was never trained waits again."""
    run, hook = runner(0), DelayedInsertionHook(begin=3)
    hook.after_load_checkpoint(run, checkpoint_of(DelayedInsertionHook(begin=3), trained))
    assert inserted(run) is (trained > 3)
    assert life(hook, run, range(4)) == expected


def test_a_resumed_fine_tuning_keeps_them_in() -> None:
    """Its first iterations lie before ``begin``, and its modules were in from the start."""
    first, run = DelayedInsertionHook(begin=3), runner(0)
    first.after_load_checkpoint(run, checkpoint_of(DelayedInsertionHook(begin=3), 10))
    first.before_train_iter(run, 0)
    saved = dict(state_dict=run.model.state_dict(), meta=dict(iter=1))
    first.before_save_checkpoint(run, saved)
    again, resumed = DelayedInsertionHook(begin=3), runner(1)
    again.after_load_checkpoint(resumed, saved)
    assert life(again, resumed, range(1, 4)) == [True] * 3


def test_frozen_modules_stay_out_unless_they_are_trained(caplog) -> None:
    """One of two is frozen: it comes in with a checkpoint in which it was in, and never at random."""

    def two(*frozen: int) -> SimpleNamespace:
        run = runner(0)
        run.model = nn.Sequential(*(FeatureShiftModule(4, 5) for _ in range(2)))
        for index in frozen:
            run.model[index].requires_grad_(False)
        return run

    run, hook = two(0), DelayedInsertionHook(begin=3)
    with caplog.at_level(logging.WARNING):
        assert life(hook, run, range(5)) == [False, False, False, True, True]
    assert "1 of 2 modules are frozen and were never trained" in caplog.text
    assert [module.inserted for module in run.model] == [False, True]
    saved = dict(state_dict=run.model.state_dict(), meta=dict(iter=5))
    hook.before_save_checkpoint(run, saved)

    for frozen, expected in (((), [False, True]), ((0,), [False, True]), ((1,), [False, True])):
        again, hook = two(*frozen), DelayedInsertionHook(begin=3)
        hook.after_load_checkpoint(again, saved)
        hook.before_train_iter(again, 0)
        assert [module.inserted for module in again.model] == expected
    again, hook = two(0, 1), DelayedInsertionHook(begin=3)
    hook.after_load_checkpoint(again, dict(state_dict=saved["state_dict"], meta=dict(modules_inserted=True)))
    assert life(hook, again, range(2)) == [True, True]


@pytest.mark.parametrize(
    ("checkpoint", "expected"),
    [
        (dict(meta=dict(iter=3)), False),
        (dict(meta=dict(iter=4)), True),
        (dict(meta={}), True),  # published
        ({}, True),
        (dict(meta=dict(iter=9000), state_dict={"0.weight": 0}), False),  # a network without such modules
    ],
)
def test_checkpoints_without_the_note(checkpoint: dict, expected: bool) -> None:
    run = runner(0)
    checkpoint = {"state_dict": run.model.state_dict(), **checkpoint}
    hook = DelayedInsertionHook(begin=3)
    hook.after_load_checkpoint(run, checkpoint)
    assert inserted(run) is expected
    assert life(hook, run, range(1))[0] is expected


@pytest.mark.parametrize(
    ("note", "expected"),
    [({}, True), ({"modules_inserted": True}, True), ({"modules_inserted": False}, False)]
    + [({"modules_inserted": ["fsm"]}, True), ({"modules_inserted": [[], "other"]}, False)],
)
def test_inference_leaves_out_what_was_not_inserted_yet(tmp_path: Path, note: dict, expected: bool) -> None:
    model = nn.ModuleDict({"fsm": FeatureShiftModule(4, shift_channels=4)})
    torch.save({"state_dict": model.state_dict(), "meta": note}, tmp_path / "a.pth")
    load_weights(model, tmp_path / "a.pth")
    assert model["fsm"].inserted is expected


class Wrapped(nn.Module):
    """As several processes train a model."""

    def __init__(self, module: nn.Module, find_unused_parameters: bool) -> None:
        super().__init__()
        self.module, self.find_unused_parameters = module, find_unused_parameters


def test_several_processes_need_to_know_of_unused_parameters(monkeypatch) -> None:
    monkeypatch.setattr("mmpose_ext.engine.hooks.delayed_insertion_hook.is_model_wrapper", lambda x: type(x) is Wrapped)
    run = runner(0)
    module, run.model = run.model, Wrapped(run.model, False)
    with pytest.raises(ValueError, match="no gradient for the first 3 iterations.*find_unused_parameters=True"):
        DelayedInsertionHook(begin=3).before_train(run)
    DelayedInsertionHook(begin=0).before_train(run)
    trained = DelayedInsertionHook(begin=3)
    trained.after_load_checkpoint(run, dict(state_dict=module.state_dict()))
    trained.before_train(run)
    run.model = Wrapped(module, True)
    DelayedInsertionHook(begin=3).before_train(run)


def test_every_config_with_the_hook_finds_unused_parameters() -> None:
    folder = Path(__file__).resolve().parents[2] / "configs" / "body_2d_keypoint" / "ssn"
    configs = [Config.fromfile(path) for path in sorted(folder.glob("*.py"))]
    with_hook = [config for config in configs if config.default_hooks.get("insertion")]
    assert len(with_hook) > 10
    assert [config.filename for config in with_hook if not config.get("find_unused_parameters")] == []


def test_insertion_after_the_end(caplog) -> None:
    with caplog.at_level(logging.WARNING):
        DelayedInsertionHook(begin=100).before_train(runner(0))
        assert "training ends after 100: they will never be trained" in caplog.text
    caplog.clear()
    DelayedInsertionHook(begin=99).before_train(runner(0))
    assert not caplog.text


def test_a_model_without_such_modules() -> None:
    run = runner(0)
    run.model = nn.Linear(1, 1)
    with pytest.raises(ValueError, match="FeatureShiftModule; Linear has none"):
        DelayedInsertionHook(begin=1).before_train(run)
    with pytest.raises(ValueError, match="got -1"):
        DelayedInsertionHook(begin=-1)


def iteration_config(root, **changes) -> Config:
    """Four iterations in a loop that counts them; an epoch of two; modules come in after two."""
    config = Config.fromfile(write_config(root))
    config.merge_from_dict(
        {
            "model.backbone": dict(
                _delete_=True,
                type="SSNResNet",
                depth=50,
                num_stages=1,
                out_indices=(0,),
                base_channels=32,
                stem_channels=32,
                shift_channels=4,
                attention="sigmoid",
            ),
            "model.head": dict(
                _delete_=True,
                type="SSNHead",
                in_channels=128,
                out_channels=17,
                predictors=("P4",),
                tail="norm",
                decoder=config.codec,
            ),
            "default_hooks.insertion": dict(type="DelayedInsertionHook", begin=2),
            "default_hooks.checkpoint": dict(
                _delete_=True, type="CheckpointHook", by_epoch=False, interval=1, max_keep_ckpts=9
            ),
            "log_processor": dict(by_epoch=False),
        }
    )
    config.train_cfg = dict(by_epoch=False, max_iters=4, val_interval=10)
    config.optim_wrapper = dict(
        optimizer=dict(type="Adam", lr=5e-4),
        constructor="NamedGroupsConstructor",
        paramwise_cfg=dict(groups=dict(offsets=dict(pattern=r"\.shift\.offsets$", lr=1e-3))),
    )
    config.param_scheduler = [
        dict(
            type="GroupStepLR",
            group="offsets",
            step_size=1,
            gamma=0.9,
            end=100,
            by_epoch=True,
            convert_to_iter_based=True,
        )
    ]
    config.merge_from_dict(changes)
    return config


@pytest.mark.slow
def test_a_training_in_iterations(tmp_path) -> None:
    """Offsets rest, then move; their learning rate falls with each epoch; the checkpoints say what was in."""
    run = Runner.from_cfg(iteration_config(tmp_path))
    run.train()
    groups = rates(run.optim_wrapper)
    assert groups == pytest.approx(dict(offsets=1e-3 * 0.9**2, network=5e-4))
    key = "backbone.fsms.layer1_0.shift.offsets"
    saved = [torch.load(tmp_path / "work" / f"iter_{i}.pth", weights_only=False)["state_dict"][key] for i in (2, 3, 4)]
    assert not saved[0].any() and saved[1].any() and not torch.equal(saved[1], saved[2])

    again = Runner.from_cfg(iteration_config(tmp_path, load_from=str(tmp_path / "work" / "iter_2.pth")))
    again.load_or_resume()
    assert not again.model.backbone.fsms["layer1_0"].inserted
