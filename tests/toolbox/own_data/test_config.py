"""What changes in a model's config for other data: number of keypoints, schedule, weights that aren't there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from mmpose_ext.toolbox.catalogue.configs import find_config
from mmpose_ext.toolbox.own_data.config import config_text, missing_weights
from mmpose_ext.toolbox.own_data.schedule import fitted_schedule, iterations


def by_epochs(**more: Any) -> Config:
    schedulers = [
        dict(type="LinearLR", begin=0, end=500, by_epoch=False),
        dict(type="MultiStepLR", begin=0, end=210, milestones=[170, 200], by_epoch=True),
    ]
    loop = dict(by_epoch=True, max_epochs=210, val_interval=10)
    return Config(dict(train_cfg=loop, train_dataloader=dict(batch_size=64), param_scheduler=schedulers, **more))


def test_iterations() -> None:
    config = by_epochs()
    assert iterations(config, 129) == (3, 630)
    config.train_cfg = dict(by_epoch=False, max_iters=400)
    assert iterations(config, 129) == (3, 400)


def test_nothing_changes_where_all_fits() -> None:
    assert fitted_schedule(by_epochs(), samples=64 * 100, epochs=None) == {}


def test_a_tenth_of_the_epochs() -> None:
    """Milestones and validations shrink alike; a warm-up of 500 iterations takes a tenth of the 2100 there are."""
    changes = fitted_schedule(by_epochs(), samples=64 * 100, epochs=21)
    assert changes["train_cfg"] == dict(max_epochs=21, val_interval=1)
    warm_up, steps = changes["param_scheduler"]
    assert (warm_up["end"], steps["end"], steps["milestones"]) == (210, 21, [17, 20])


def test_hooks_that_start_late() -> None:
    hooks = [dict(type="QualityScheduleHook", begin=180), dict(type="DelayedInsertionHook", begin=9000), dict(type="X")]
    changes = fitted_schedule(by_epochs(custom_hooks=hooks), samples=64 * 10, epochs=70)
    assert [hook.get("begin") for hook in changes["custom_hooks"]] == [60, 70, None]


def test_counted_in_iterations() -> None:
    """Epochs become iterations, and all points of time shrink, the interval of checkpoints too."""
    config = by_epochs(default_hooks=dict(checkpoint=dict(type="CheckpointHook", interval=1000)))
    config.train_cfg = dict(by_epoch=False, max_iters=10_000, val_interval=1000)
    config.param_scheduler = [dict(type="MultiStepLR", end=10_000, milestones=[8000], by_epoch=False)]
    changes = fitted_schedule(config, samples=64 * 50, epochs=20)
    assert changes["train_cfg"] == dict(max_iters=1000, val_interval=100)
    assert changes["param_scheduler"] == [dict(type="MultiStepLR", end=1000, milestones=[800], by_epoch=False)]
    assert changes["default_hooks"] == dict(checkpoint=dict(interval=100))


LOADERS = "val_dataloader = dict(dataset=dict(pipeline=[]))\ntrain_dataloader['dataset'] = dict(pipeline=[])\n"

MODELS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (dict(head=dict(out_channels=17)), dict(head=dict(out_channels=9))),
    (dict(head=dict(num_joints=17)), dict(head=dict(num_joints=9))),
    (dict(backbone=dict(type="SHaRPose", num_keypoints=17), head=dict(out_channels=17)),
     dict(backbone=dict(num_keypoints=9), head=dict(out_channels=9))),
    (dict(backbone=dict(num_keypoints=17), head=dict(out_channels=17, in_channels=17, final_layer=None)),
     dict(backbone=dict(num_keypoints=9), head=dict(out_channels=9, in_channels=9))),
    (dict(head=dict(out_channels=51, decoder=dict(type="UDPHeatmap", heatmap_type="combined"))),
     dict(head=dict(out_channels=27))),
]  # fmt: skip


@pytest.mark.parametrize(("model", "expected"), MODELS)
def test_number_of_key_points(model: dict[str, Any], expected: dict[str, Any], tmp_path: Path) -> None:
    base = tmp_path / "td-hm_net_1xb64-210e_coco-64x64.py"
    base.write_text(f"{by_epochs(model=model).pretty_text}\n{LOADERS}")
    where = dict(folder=tmp_path / "out", images=tmp_path, samples=6400)
    path = tmp_path / "mine.py"
    path.write_text(config_text("mine", base, keypoints=9, **where))
    found = Config.fromfile(path).model
    from_others = "# `mim train mmpose CONFIG --cfg-options load_from=start.pth`." in path.read_text().splitlines()
    assert from_others == (model.get("backbone", {}).get("type") == "SHaRPose")
    for part, values in expected.items():
        assert {key: found[part][key] for key in values} == values


@pytest.mark.parametrize(("gpus", "batch"), [(1, 64), (2, 128), (8, 512)])
def test_the_rate_fits_the_batch(gpus: int, batch: int, tmp_path: Path) -> None:
    """A rate for 512 samples in a step, on fewer of them."""
    more = dict(optim_wrapper=dict(optimizer=dict(type="Adam", lr=2e-3)), auto_scale_lr=dict(base_batch_size=512))
    base = tmp_path / "base.py"
    base.write_text(f"{by_epochs(model=dict(head=dict(out_channels=17)), **more).pretty_text}\n{LOADERS}")
    path = tmp_path / "mine.py"
    path.write_text(config_text("mine", base, keypoints=9, folder=tmp_path, images=tmp_path, samples=6400, gpus=gpus))
    found = Config.fromfile(path)
    assert found.optim_wrapper.optimizer.lr == pytest.approx(2e-3 * batch / 512)
    assert found.auto_scale_lr.base_batch_size == batch


def test_our_configs_are_inherited_by_scope(tmp_path: Path) -> None:
    for alias, scope in (("xhrnet-18", "mmpose_ext"), ("td-hm_res50_8xb64-210e_coco-256x192", "mmpose")):
        path = tmp_path / "mine.py"
        where = dict(folder=tmp_path, images=tmp_path, samples=6400)
        path.write_text(config_text("mine", find_config(alias), keypoints=9, **where))
        assert re.search(rf'_base_ = \["{scope}::body_2d_keypoint/', path.read_text())
        assert Config.fromfile(path).model.head.out_channels == 9


def test_a_model_without_a_number_of_key_points(tmp_path: Path) -> None:
    base = tmp_path / "base.py"
    base.write_text(by_epochs(model=dict(head=dict(type="X"))).pretty_text)
    with pytest.raises(ValueError, match="head has out_channels, num_joints or num_keypoints"):
        config_text("mine", base, keypoints=9, folder=tmp_path, images=tmp_path, samples=1)


@pytest.mark.parametrize(
    ("checkpoint", "missing"), [("none.pth", "none.pth"), ("https://x.org/a.pth", None), ("torchvision://a", None)]
)
def test_weights_that_are_not_there(checkpoint: str, missing: str | None) -> None:
    init_cfg = dict(type="Pretrained", checkpoint=checkpoint)
    assert missing_weights(Config(dict(model=dict(backbone=dict(init_cfg=init_cfg))))) == missing
    assert missing_weights(Config(dict(model=dict(backbone=dict())))) is None
