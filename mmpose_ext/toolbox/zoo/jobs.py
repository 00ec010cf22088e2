"""Which trainings a set of studies needs: each is a config of the package, options as for ``mim train``, and a seed.

A training that several networks or claims share stands in the plan once, with all its tests.
"""

from __future__ import annotations

import importlib.util
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from mmpose_ext.toolbox.catalogue.metafile import config_folder, find_entry
from mmpose_ext.toolbox.inference.weights import quiet_logger
from mmpose_ext.toolbox.json_file import read_json
from mmpose_ext.toolbox.reproduction.datasets import data_folder, data_name
from mmpose_ext.toolbox.zoo.claims import Claim, Network, Training

__all__ = ["Job", "Settings", "Evaluation", "job_of", "new_length", "plan_jobs", "reason_against"]


class Settings(NamedTuple):
    """What all trainings of a run share."""

    data: Path
    """Folder of the data sets, as ``$MMPOSE_EXT_DATA``."""
    out: Path
    seeds: Sequence[int] = (0, 1, 2)
    epochs: int | None = None
    """Of the claims' trainings; None for those of the configs."""
    persons: int | None = None
    """Of the claims' training sets, the first ones; None for those of the configs."""
    gpu: bool = False
    bfloat16: bool = True
    """Whether configs that train in bfloat16 may."""


@dataclass(frozen=True)
class Evaluation:
    """One test of trained weights."""

    label: str
    """Tells the tests of a training apart."""
    data: str
    """Name of the data set as the metafiles have it."""
    split: str = "test"
    """Whose data loader: ``test`` or ``val``."""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One training and its tests."""

    name: str
    alias: str
    config: str
    """Path of the config, from the folder that holds ``configs``."""
    seed: int
    epochs: int
    persons: int
    """In an epoch."""
    guess: float
    """Seconds of a CPU core for a person, a first estimate."""
    options: Mapping[str, Any]
    """As for ``--cfg-options``, with the seed."""
    tests: tuple[Evaluation, ...] = ()
    start: Job | None = None
    """The training whose weights it starts from."""
    validate: bool = False
    """Whether it is validated on its way, which ``mim train`` always does."""

    @property
    def command(self) -> str:
        """The ``mim train`` of the same weights; those that it starts from come besides."""
        options = [f"{key}={_literal(value)}" for key, value in self.options.items()]
        return shlex.join(["mim", "train", "mmpose", self.config, "--cfg-options", *options])

    def as_dict(self) -> dict[str, Any]:
        """What must not change while it is resumed."""
        return {
            "config": self.config,
            "options": dict(self.options),
            "start": self.start.name if self.start else None,
            "persons": self.persons,
        }


def plan_jobs(studies: Sequence[Training | Claim], settings: Settings) -> list[Job]:
    """All trainings in order of value: study by study, and in a claim seed by seed, so that pairs are complete early.

    Args:
        studies: In order of value.
        settings: Of the run.

    Raises:
        ValueError: If data are missing; the message names the file.
    """
    jobs: dict[str, Job] = {}

    def add(job: Job) -> None:
        known = jobs.get(job.name)
        if known:
            tests = {test.label: test for test in (*known.tests, *job.tests)}
            job = replace(known, tests=tuple(tests.values()))
        jobs[job.name] = job

    for study in studies:
        if isinstance(study, Training):
            if settings.gpu or not study.gpu:
                add(_training(study, settings))
            continue
        for seed in settings.seeds:
            for network in study.networks:
                if reason_against(network) is None:
                    job = job_of(network, seed, settings)
                    for one in filter(None, (job.start, job)):
                        add(one)
    return list(jobs.values())


def reason_against(network: Network) -> str | None:
    """Why a network can't be trained here; None if it can.

    Args:
        network: Of a claim.
    """
    missing = network.requires and importlib.util.find_spec(network.requires) is None
    return f"needs the package {network.requires}" if missing else None


def job_of(network: Network, seed: int, settings: Settings) -> Job:
    """The training of a network of a claim.

    Args:
        network: The network.
        seed: Of weights, order and augmentations.
        settings: Of the run.

    Raises:
        ValueError: If data are missing.
    """
    config = _read(network.config, settings.data)
    epochs = settings.epochs or int(config.train_cfg.max_epochs)
    persons = min(count_persons(config), settings.persons or count_persons(config))
    limit = {"train_dataloader.dataset.indices": persons} if settings.persons else {}
    test = Evaluation(network.test, _tested_on(config, "test"), "test", network.test_options)
    start = None
    if network.start:
        if epochs < 2:
            raise ValueError(f"expected at least 2 epochs for {network.label}, got {epochs}")
        start = _start(network, config, seed, epochs // 2, persons, settings)
    return _job(network.config, config, network.seconds, seed, settings, epochs=epochs, persons=persons, limit=limit,
                tests=(test,), start=start)  # fmt: skip


def _training(study: Training, settings: Settings) -> Job:
    """The training of a network for use, at its config's length, tested on LSPET val and on LSP test."""
    config = _read(study.config, settings.data)
    tests = tuple(Evaluation(name, name, split) for split in ("val", "test") for name in [_tested_on(config, split)])
    return _job(
        study.config,
        config,
        study.seconds,
        0,
        settings,
        epochs=int(config.train_cfg.max_epochs),
        persons=count_persons(config),
        limit={},
        tests=tests,
        validate=True,
    )


def _start(network: Network, config: Config, seed: int, epochs: int, persons: int, settings: Settings) -> Job:
    """The training on rendered persons: as many persons, the same batch size."""
    rendered = _read(network.start, settings.data)
    folder = settings.out.resolve() / f"rendered_{persons}"
    limit = {
        "train_dataloader.dataset.data_root": f"{folder}/",
        "train_dataloader.dataset.generate.num_persons": persons,
        "train_dataloader.batch_size": int(config.train_dataloader.batch_size),
    }
    return _job(network.start, rendered, network.seconds, seed, settings, epochs=epochs, persons=persons, limit=limit)


def _job(
    alias: str,
    config: Config,
    guess: float,
    seed: int,
    settings: Settings,
    *,
    epochs: int,
    persons: int,
    limit: Mapping[str, Any],
    tests: tuple[Evaluation, ...] = (),
    start: Job | None = None,
    validate: bool = False,
) -> Job:
    own = epochs - (start.epochs if start else 0)
    options: dict[str, Any] = {**new_length(config, own), **limit, "randomness.seed": seed}
    parts = [alias, f"{own}e", f"{persons}p"]
    if not settings.bfloat16 and config.optim_wrapper.get("type") == "BFloat16OptimWrapper":
        options["optim_wrapper.type"] = "OptimWrapper"
        parts.append("float32")
    if start:
        parts.append("from-rendered")
    return Job(
        name="_".join([*parts, f"seed{seed}"]),
        alias=alias,
        config=_path(alias),
        seed=seed,
        epochs=own,
        persons=persons,
        guess=guess,
        options=options,
        tests=tests,
        start=start,
        validate=validate,
    )


def new_length(config: Config, epochs: int) -> dict[str, Any]:
    """Options that give a training another number of epochs, with its schedules in proportion.

    What is counted in iterations (warm-up, insertion of FSMs) stays.

    Args:
        config: Of a training that is counted in epochs.
        epochs: The new number.

    Returns:
        Empty if it is the config's.
    """
    whole = int(config.train_cfg.max_epochs)
    if epochs == whole:
        return {}

    def scaled(number: float) -> int:
        return max(1, round(number * epochs / whole))

    options: dict[str, Any] = {"train_cfg.max_epochs": epochs}
    for index, schedule in enumerate(config.param_scheduler):
        if schedule.get("by_epoch", True):
            names = [name for name in ("end", "T_max") if name in schedule]
            options |= {f"param_scheduler.{index}.{name}": scaled(schedule[name]) for name in names}
            if "milestones" in schedule:
                options[f"param_scheduler.{index}.milestones"] = [scaled(one) for one in schedule.milestones]
    for name, hook in config.default_hooks.items():
        if hook.get("type") == "QualityScheduleHook":
            options[f"default_hooks.{name}.begin"] = min(scaled(hook.begin), epochs - 1)
    return options


def count_persons(config: Config) -> int:
    """Persons in an epoch of a config.

    Args:
        config: With a training set.

    Raises:
        ValueError: If a file is missing or has no annotations.
    """
    return sum(_persons(one) for one in _parts(config.train_dataloader.dataset))


def _persons(dataset: Mapping[str, Any]) -> int:
    if "generate" in dataset:
        return int(dataset["generate"]["num_persons"])
    number = _number(_annotations(dataset))
    return min(number, int(dataset.get("indices") or number))


@lru_cache
def _number(file: Path) -> int:
    content = read_json(file, expected="annotations")
    persons = content.get("annotations") if isinstance(content, dict) else content  # MPII's files are lists
    if not isinstance(persons, list):
        raise ValueError(f"expected annotations, got {file} without a list of them")
    return len(persons)


def _parts(dataset: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return dataset.get("datasets", [dataset])


def _annotations(dataset: Mapping[str, Any]) -> Path:
    return Path(dataset["data_root"]) / dataset["ann_file"]


def _tested_on(config: Config, split: str) -> str:
    return _name(_annotations(config[f"{split}_dataloader"].dataset))


@lru_cache
def _name(file: Path) -> str:
    return data_name(file)


@lru_cache
def _path(alias: str) -> str:
    entry = find_entry(alias)
    if entry is None:
        raise ValueError(f"expected the alias of a config, got {alias}")
    return entry.config


@lru_cache
def _read(alias: str, data: Path) -> Config:
    """A config, for reading only."""
    with data_folder(data), quiet_logger():
        return Config.fromfile(config_folder().parent / _path(alias))


def _literal(value: Any) -> str:
    return f"[{','.join(map(str, value))}]" if isinstance(value, list) else str(value)
