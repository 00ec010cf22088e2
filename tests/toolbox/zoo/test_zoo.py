"""Plans name real configs and keep one recipe; jobs train, are stopped, go on, and are compared."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from mmengine.config import Config

from mmpose_ext.toolbox.catalogue.metafile import config_folder
from mmpose_ext.toolbox.zoo.claims import CLAIMS, TRAININGS, Claim, find_studies
from mmpose_ext.toolbox.zoo.jobs import Evaluation, Job, Settings, job_of, new_length, plan_jobs
from mmpose_ext.toolbox.zoo.schedule import DONE, run_jobs
from mmpose_ext.toolbox.zoo.workshop import Folders
from mmpose_ext.toolbox.zoo.zoo import train_zoo
from tests.tiny import write_config

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Annotations with persons enough to plan with."""
    root = tmp_path_factory.mktemp("data")
    persons = {"images": [{}] * 40, "annotations": [{}] * 40}
    for name in ("lspet_train", "lspet_train_without_lsp_test", "lspet_val"):
        path = root / "lspet" / "annotations" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(persons))
    for name in ("lspet_mpii_train", "lspet_mpii_val"):
        (root / "lspet" / "annotations" / f"{name}.json").write_text(json.dumps([{}] * 40))
    (root / "lsp" / "annotations").mkdir(parents=True)
    for name in ("lsp_train", "lsp_test"):
        (root / "lsp" / "annotations" / f"{name}.json").write_text(json.dumps(persons))
    return root


def merged(job: Job) -> Config:
    config = Config.fromfile(ROOT / job.config)
    config.merge_from_dict(dict(job.options))
    return config


def recipe(config: Config) -> tuple:
    """What networks of a claim have in common."""
    pipeline = str(config.train_dataloader.dataset.pipeline)
    optimizer = {**config.optim_wrapper.optimizer}
    ends = sorted({schedule.end for schedule in config.param_scheduler})
    loader = config.train_dataloader
    return pipeline, str(config.codec), str(optimizer), str(ends), loader.batch_size, config.train_cfg.max_epochs


@pytest.mark.parametrize(
    "claim", [claim for claim in CLAIMS if claim.key != "pretraining"], ids=lambda claim: claim.key
)
def test_networks_of_a_claim_have_one_recipe(claim: Claim, data: Path, tmp_path: Path) -> None:
    settings = Settings(data, tmp_path, epochs=3, persons=20)
    configs = [merged(job_of(network, 1, settings)) for network in claim.networks]
    assert len({recipe(config) for config in configs}) == 1
    assert all(config.train_dataloader.dataset.indices == 20 for config in configs)
    assert all(config.randomness.seed == 1 for config in configs)


def test_the_plan(data: Path, tmp_path: Path) -> None:
    settings = Settings(data, tmp_path, seeds=(0, 1), bfloat16=False)
    names = [job.name for job in plan_jobs(find_studies(["lsp", "lsp-256x192", "xhrnet", "sfm"]), settings)]
    assert names[:3] == [
        "xhrnet-18-lsp-60e_60e_80p_seed0",
        "xhrnet-18-lspet-128x96_6e_40p_seed0",
        "litehrnet-18-lspet-128x96_6e_40p_seed0",
    ]
    assert names[-1] == "sfm-cascaded-lspet-128x128_2e_40p_float32_seed1"
    on_gpu = plan_jobs(TRAININGS, settings._replace(gpu=True))
    assert [[test.data for test in job.tests] for job in on_gpu] == 2 * [
        ["40 of 1000 persons of LSPET val", "40 of 1000 persons of LSP test"]
    ]
    with pytest.raises(ValueError, match="lspet_train"):
        plan_jobs(CLAIMS[:1], settings._replace(data=tmp_path))


@pytest.mark.parametrize("content", [{"images": []}, {"annotations": 5}, "text"])
def test_annotations_without_persons(content: object, tmp_path: Path) -> None:
    path = tmp_path / "lspet" / "annotations" / "lspet_train.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"expected annotations, got .*lspet_train\.json without a list"):
        plan_jobs(CLAIMS[:1], Settings(tmp_path, tmp_path))


def test_networks_share_a_training(data: Path, tmp_path: Path) -> None:
    settings = Settings(data, tmp_path, seeds=(0,))
    (job,) = (one for one in plan_jobs(find_studies(["sharpose"]), settings) if one.alias.startswith("sharpose"))
    assert [test.label for test in job.tests] == ["fine", "coarse"]
    jobs = {one.name: one for one in plan_jobs(find_studies(["xhrnet", "pretraining"]), settings)}
    assert len(jobs) == 4
    (tuned,) = (one for one in jobs.values() if one.start)
    start = jobs[tuned.start.name]
    assert (start.epochs, start.persons, tuned.epochs) == (3, 40, 3)
    assert merged(start).train_dataloader.batch_size == merged(tuned).train_dataloader.batch_size


def test_a_new_length_keeps_the_shape_of_the_schedule() -> None:
    config = Config.fromfile(
        config_folder() / "body_2d_keypoint/sharpose/td-hm_sharpose-small_1xb16-4e_lspet-128x96.py"
    )
    assert new_length(config, 4) == {}
    options = new_length(config, 8)
    assert options["default_hooks.quality.begin"] == 6
    assert options["param_scheduler.1.T_max"] == options["param_scheduler.1.end"] == 8
    assert "param_scheduler.0.end" not in options  # a warm-up in iterations
    assert new_length(config, 1)["default_hooks.quality.begin"] == 0


def test_a_dry_run_starts_nothing(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = dict(only=["xhrnet"], seeds=(0,), device="cpu", processes=1, dry_run=True)
    zoo = train_zoo(data, out, hours=1, **options)  # type: ignore[arg-type]
    assert set(zoo.outcomes.values()) == {DONE} and "litehrnet-18" in zoo.table
    zoo = train_zoo(data, out, hours=0.001, **options)  # type: ignore[arg-type]
    assert set(zoo.outcomes.values()) == {"does not fit"}
    assert not out.exists()
    with pytest.raises(ValueError, match="positive number of epochs, got 0"):
        train_zoo(data, out, epochs=0)


def test_two_runs_do_not_share_a_folder(data: Path, tmp_path: Path) -> None:
    options = dict(only=["xhrnet"], seeds=(0,), device="cpu", hours=1e-9)
    with FileLock(tmp_path / "lock"), pytest.raises(ValueError, match=f"another run writes to {tmp_path}"):
        train_zoo(data, tmp_path, **options)  # type: ignore[arg-type]
    train_zoo(data, tmp_path, **options)  # type: ignore[arg-type]


@pytest.fixture
def tiny_jobs(tmp_path: Path) -> Iterator[list[Job]]:
    """Two equal trainings."""
    hook = '\ndefault_hooks["epoch_seed"] = dict(type="EpochSeedHook")\n'
    path = write_config(tmp_path, f"{hook}\ntrain_cfg = dict(by_epoch=True, max_epochs=12, val_interval=12)\n")
    test = Evaluation("", "noise", options={"model.test_cfg": {"flip_test": False}})
    options = {"randomness.seed": 3}
    yield [Job(name, name, str(path), 3, 12, 8, 0.01, options, (test,)) for name in ("stopped", "unbroken")]


@pytest.mark.slow
def test_a_job_that_was_stopped_ends_as_one_that_was_not(tiny_jobs: list[Job], tmp_path: Path) -> None:
    stopped, unbroken = tiny_jobs
    folders = Folders(tiny_jobs, Settings(tmp_path, tmp_path / "out"))
    assert folders.remaining("stopped") > 0
    handle = folders.start("stopped")
    deadline = time.monotonic() + 120
    while not folders.is_begun("stopped"):
        assert handle.poll() is None and time.monotonic() < deadline, folders.end_of_log("stopped", lines=40)
        time.sleep(0.02)
    handle.stop()
    assert not folders.is_done("stopped")
    outcomes = run_jobs(["unbroken", "stopped"], folders, slots=2, budget=9e9)
    assert outcomes == {"stopped": DONE, "unbroken": DONE}, folders.end_of_log("stopped", lines=40)
    assert run_jobs(["stopped"], folders, slots=1, budget=0.0) == {"stopped": DONE}
    weights = [torch.load(folders.folder(job) / "epoch_12.pth", weights_only=False)["state_dict"] for job in tiny_jobs]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    results = [folders.result(job) for job in tiny_jobs]
    assert (
        results[0] and results[1] and results[0]["scores"] == results[1]["scores"] and "AP" in results[0]["scores"][""]
    )
    assert folders.remaining("stopped") == 0
