"""Commands that write, what they may leave when they are stopped, and the attacks on them."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open

from mmpose_ext.image_file import UnreadableImage, read_image
from mmpose_ext.toolbox.cli import main
from tests.faults import interruptions
from tests.faults.commands import Workshop, run_tool
from tests.faults.interruptions import Interruption, Steps
from tests.faults.outcome import Attempt, Outcome, classify, run_child
from tests.tiny import SHARPOSE, SSN, write_config

__all__ = ["JOBS", "TRAININGS", "Job", "command_attacks", "stop", "training_attacks", "two_trainings"]


class Job(NamedTuple):
    """A command that writes into a folder."""

    command: str
    run: Callable[[Workshop, Path], int]
    before: Callable[[Workshop, Path], None] = lambda shop, out: None
    """Puts older files there."""
    again: Callable[[Workshop, Path], int] | None = None
    """What a user does after the interruption; must end with status 0. None for the command itself."""


def _verb(*words: object) -> int:
    return main([str(word) for word in words])


def _official(shop: Workshop) -> Path:
    path = shop.folder / "official.pth"
    if not path.exists():
        key = "backbone.stage0.0.layers.0.0.branch2.2.group_weight"
        torch.save({"state_dict": {key: torch.ones(1, 1, 96, 1)}, "meta": {}}, path)
    return path


def _older(*names: str, text: str = "{}") -> Callable[[Workshop, Path], None]:
    """Files of an earlier run; their text is recognized."""

    def write(shop: Workshop, out: Path) -> None:
        for name in names:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_text(text)

    return write


def _older_onnx(shop: Workshop, out: Path) -> None:
    shutil.copy(shop.onnx(), out / "a.onnx")


def _test(shop: Workshop, out: Path) -> int:
    return run_tool("test", shop.config, shop.checkpoint, "--work-dir", out / "work", "--out", out / "scores.json")


def _infer(shop: Workshop, out: Path) -> int:
    images = [shop.data / f"00{number}.jpg" for number in (1, 2)]
    return _verb("infer", *images, "--model", shop.config, "--checkpoint", shop.checkpoint, "--out", out)


def _convert(shop: Workshop, out: Path) -> int:
    return _verb("convert", "xhrnet", _official(shop), out / "a.pth")


def _convert_again(shop: Workshop, out: Path) -> int:
    """It replaces no file: one that is whole was written before the interruption."""
    return 0 if (out / "a.pth").exists() else _convert(shop, out)


JOBS: tuple[Job, ...] = (
    Job("convert", _convert, again=_convert_again),
    Job(
        "export",
        lambda shop, out: _verb(
            "export", shop.config, shop.checkpoint, out / "a.onnx", "--exporter", "torchscript", "--as-exported"
        ),
        _older_onnx,
    ),
    Job("publish", lambda shop, out: _verb("publish", shop.config, shop.checkpoint, "--out", out)),
    Job(
        "init-dataset",
        lambda shop, out: _verb(
            "init-dataset", shop.data / "people.json", "--images", shop.data, "--out", out, "--overwrite"
        ),
        _older("train.json", "val.json"),
    ),
    Job("infer", _infer, _older("predictions.json")),
    Job(
        "visualize",
        lambda shop, out: _verb("visualize", shop.sharpose, "none", shop.image, "--out", out),
    ),
    Job("synthetic", lambda shop, out: _verb("synthetic", out / "set", "--persons", 3, "--workers", 0)),
    Job("reproduce", lambda shop, out: _verb("reproduce", "sfm:I", "--out", out), _older("reproduction.json")),
    Job("mim test", _test, _older("scores.json")),
)


def damage(out: Path) -> Iterator[str]:
    """Files that are not whole. Logs and partial files are no results."""
    for path in sorted(out.rglob("*")):
        if not path.is_file() or ".partial" in str(path) or "vis_data" in path.parts or path.suffix == ".log":
            continue
        try:
            _open_whole(path)
        except Exception as error:
            yield f"{path.relative_to(out)} is half-written ({type(error).__name__}: {str(error)[:80]})"


def _open_whole(path: Path) -> None:
    if path.suffix == ".json":
        json.loads(path.read_text())
    elif path.suffix == ".onnx":
        import onnx

        onnx.checker.check_model(onnx.load(str(path)))
    elif path.suffix == ".safetensors":
        with safe_open(path, framework="pt") as file:
            file.keys()
    elif path.suffix == ".pth":
        from mmpose_ext.compat.checkpoint import load

        load(path)
    elif path.suffix in (".jpg", ".png"):
        try:
            read_image(path)
        except UnreadableImage as error:
            raise ValueError(str(error)) from error
    elif path.suffix == ".py":
        compile(path.read_text(), path.name, "exec")
    elif path.suffix in (".md", ".csv", ".html") and not path.read_text().endswith(("\n", ">")):
        raise ValueError("no end")


def _missing(names: set[Path], out: Path) -> Iterator[str]:
    yield from (f"{name} is gone" for name in sorted(names) if not (out / name).exists())


def _files(out: Path) -> set[Path]:
    return {path.relative_to(out) for path in out.rglob("*") if path.is_file()}


def measure(shop: Workshop, job: Job) -> tuple[int, int, float]:
    """Steps of a job that nobody stops, the size of its largest file, and its CPU seconds."""
    import resource

    folder = shop.new_folder()
    out = folder / "out"
    out.mkdir()
    job.before(shop, out)
    steps = Steps(folder / "steps")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    action = lambda: job.run(shop, out)  # noqa: E731
    ending = run_child(action, folder=folder, prepare=lambda: steps.prepare(out), finish=steps.finish)
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    assert ending.status == 0, (job.command, ending)
    assert not list(damage(out)), list(damage(out))
    size = max(path.stat().st_size for path in out.rglob("*") if path.is_file())
    number = steps.number()
    shutil.rmtree(folder)
    return number, size, seconds


def interruptions_of(
    steps: int, size: int, seconds: float, rng: random.Random, *, number: int, mount: bool
) -> list[Interruption]:
    """Interruptions for a job.

    Args:
        steps: Of the job, see :func:`measure`.
        size: Of its largest file.
        seconds: Its CPU time.
        rng: Draws.
        number: How many of each kind, at most; the read-only folders are two in all.
        mount: Whether a small disk can be mounted.
    """
    found: list[Interruption] = []
    for kill in (True, False):
        chosen = sorted(rng.sample(range(1, steps + 1), min(number, steps)))
        found += [interruptions.at_step(step, kill=kill) for step in chosen]
        found += [interruptions.at_moment(rng.uniform(0.05, 1) * seconds, kill=kill) for _ in range(number)]
        found += [interruptions.in_file(rng.randrange(1, max(2, size)), kill=kill) for _ in range(number)]
    found += [interruptions.read_only(rng.randint(2, steps + 1)) for _ in range(number)]
    if mount:
        found += [interruptions.full_disk(rng.randrange(size)) for _ in range(number)]
    return [*found, interruptions.read_only(), interruptions.without_privileges()]


def stop(shop: Workshop, job: Job, how: Interruption, *, again: bool = True) -> Attempt:
    """Run a job, stop it, look at what is there, and run it again.

    Args:
        shop: The good files.
        job: The command.
        how: The interruption.
        again: Whether it is run again, which must end well.
    """
    folder = shop.new_folder()
    out = folder / "out"
    out.mkdir()
    job.before(shop, out)
    older = _files(out)
    how.folder(out)
    try:
        ending = run_child(
            lambda: job.run(shop, out),
            folder=folder,
            prepare=lambda: how.prepare(out),
            finish=lambda: how.finish(out),
        )
    finally:
        how.restore(out)
    lost = [*damage(out), *_missing(older, out), *shop.lost()]
    if again and not lost and ending.status != 0:
        second = run_child(lambda: (job.again or job.run)(shop, out), folder=folder)
        lost = [*damage(out), *([] if second.status == 0 else [f"the next run fails: {second.err[-500:]}"])]
        lost += [f"{path} is left" for path in out.rglob("*.partial*")]
    outcome, said = classify(ending, lost=lost, may_be_used=True, killed=how.kills)
    shutil.rmtree(folder, ignore_errors=True)
    return Attempt(job.command, how.name, outcome, said)


def command_attacks(shop: Workshop, *, number: int, seed: int = 0) -> Iterator[Attempt]:
    """Stop each of :data:`JOBS` in every way.

    Args:
        shop: The good files.
        number: How many interruptions of each kind.
        seed: Of the choice.
    """
    mount = interruptions.can_mount()
    for job in JOBS:
        about = measure(shop, job)
        for how in interruptions_of(*about, random.Random(seed), number=number, mount=mount):
            yield stop(shop, job, how)


EXTRA = """
train_cfg = dict(by_epoch=True, max_epochs=3, val_interval=1)
default_hooks["checkpoint"] = dict(type="CheckpointHook", interval=1, max_keep_ckpts=1, save_best="coco/AP",
                                   rule="greater")
default_hooks["epoch_seed"] = dict(type="EpochSeedHook")
"""
TRAININGS = {
    "X-HRNet": """
model = dict(
    type="TopdownPoseEstimator", data_preprocessor=dict(type="PoseDataPreprocessor"),
    backbone=dict(type="XHRNet", arch="18", input_size=(64, 64)),
    head=dict(type="HeatmapHead", in_channels=40, out_channels=17, deconv_out_channels=None,
              loss=dict(type="KeypointMSELoss", use_target_weight=True), decoder=codec))
""",
    "SHaRPose": SHARPOSE + 'default_hooks["quality"] = dict(type="QualityScheduleHook", begin=1, weight=0.03)\n',
    "SSN": SSN + 'default_hooks["insertion"] = dict(type="DelayedInsertionHook", begin=3)\n',
}
"""Networks that are trained for three epochs of two iterations; SSN's modules come in amid the second epoch."""


class _Training(NamedTuple):
    config: Path
    steps: int
    size: int
    seconds: float
    weights: dict[str, torch.Tensor]
    """Those of a run that nobody stops."""


def _train(config: Path, work: Path, *words: object) -> int:
    return run_tool("train", config, "--work-dir", work, *words)


def _weights(work: Path) -> dict[str, torch.Tensor]:
    from mmpose_ext.compat.checkpoint import load

    return load(work / "epoch_3.pth")["state_dict"]


def _unbroken(shop: Workshop, network: str) -> _Training:
    import resource

    folder = shop.folder / f"train-{network}"
    folder.mkdir()
    config, work = write_config(folder, TRAININGS[network] + EXTRA), folder / "unbroken"
    steps = Steps(folder / "steps")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    ending = run_child(
        lambda: _train(config, work), folder=folder, prepare=lambda: steps.prepare(work), finish=steps.finish
    )
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    assert ending.status == 0, ending.err[-3000:]
    size = max(path.stat().st_size for path in work.glob("*.pth"))
    return _Training(config, steps.number(), size, seconds, _weights(work))


def _newest(work: Path) -> int:
    return max((int(path.stem.split("_")[1]) for path in work.glob("epoch_*.pth")), default=0)


def training_attacks(
    shop: Workshop, network: str, *, number: int, few: int = 0, seed: int = 0, mount: bool | None = None
) -> Iterator[Attempt]:
    """Stop trainings, resume them, and compare the weights with those of a run that nobody stopped.

    Args:
        shop: The good files.
        network: Of :data:`TRAININGS`.
        number: How many interruptions of each kind.
        few: Draw so many of them.
        seed: Of the choice.
        mount: Whether a small disk can be mounted; None finds out.
    """
    training = _unbroken(shop, network)
    rng = random.Random(seed)
    mount = interruptions.can_mount() if mount is None else mount
    about = training.steps, training.size, training.seconds
    chosen = interruptions_of(*about, rng, number=number, mount=mount)
    for how in rng.sample(chosen, few) if few else chosen:
        yield _stop_training(shop, network, training, how)


def _stop_training(shop: Workshop, network: str, training: _Training, how: Interruption) -> Attempt:
    folder = shop.new_folder()
    work = folder / "work"
    work.mkdir()
    how.folder(work)
    try:
        ending = run_child(
            lambda: _train(training.config, work),
            folder=folder,
            prepare=lambda: how.prepare(work),
            finish=lambda: how.finish(work),
        )
    finally:
        how.restore(work)
    lost = list(damage(work))
    marked = work / "last_checkpoint"
    if marked.exists() and marked.read_text().strip() and not _newest(work):
        lost.append("no checkpoint is left")
    if not lost:
        second = run_child(lambda: _train(training.config, work, "--resume"), folder=folder)
        if second.status != 0:
            lost = [f"it can't be resumed: {second.err[-800:]}"]
        else:
            resumed = _weights(work)
            names = [name for name, value in training.weights.items() if not torch.equal(value, resumed[name])]
            lost = [f"resumed, {len(names)} tensors differ, e.g. {names[0]}"] if names else []
    outcome, said = classify(ending, lost=lost, may_be_used=True, killed=how.kills)
    shutil.rmtree(folder, ignore_errors=True)
    return Attempt(f"mim train, {network}", how.name, outcome, said)


def two_trainings(shop: Workshop) -> Attempt:
    """Two trainings of one config at once, in a fresh checkout: both render the data set, and share the folder."""
    import multiprocessing

    folder = shop.new_folder()
    config = folder / "fresh.py"
    base = Path(__file__).resolve().parents[2] / "configs/body_2d_keypoint/xhrnet"
    config.write_text(
        f"_base_ = [{str(base / 'td-hm_xhrnet-18_1xb16-4e_synthetic-128x96.py')!r}]\n"
        f"data = dict(data_root={str(folder / 'data')!r}, generate=dict(num_persons=6, seed=0), workers=0)\n"
        "train_cfg = dict(by_epoch=True, max_epochs=1, val_interval=1)\n"
        "train_dataloader = dict(batch_size=6, num_workers=0, persistent_workers=False, dataset=data)\n"
        "val_dataloader = dict(batch_size=6, num_workers=0, persistent_workers=False, dataset=data)\n"
        "test_dataloader = val_dataloader\n"
        f"val_evaluator = dict(ann_file={str(folder / 'data/annotations.json')!r})\n"
        "test_evaluator = val_evaluator\n"
    )
    context = multiprocessing.get_context("fork")
    start, endings = context.Barrier(2), context.SimpleQueue()

    def one() -> None:
        start.wait()
        endings.put(run_child(lambda: _train(config, folder / "work"), folder=folder))

    processes = [context.Process(target=one) for _ in range(2)]
    for process in processes:
        process.start()
    both = [endings.get() for _ in processes]
    for process in processes:
        process.join()
    worst = max(both, key=lambda ending: abs(ending.status))
    lost = [*damage(folder / "work"), *damage(folder / "data")]
    lost += [f"{path} is left" for path in folder.rglob("*.partial*")]
    lost += [] if (folder / "work" / "epoch_1.pth").exists() else ["there is no checkpoint"]
    outcome, said = classify(worst, lost=lost, may_be_used=True)
    if outcome is Outcome.CLEAR_ERROR:  # both were to train
        outcome = Outcome.LOST
    return Attempt("two mim train", "a fresh checkout", outcome, said)
