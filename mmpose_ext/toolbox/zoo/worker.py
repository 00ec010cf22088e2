"""Does one job of the zoo in a process of its own: ``python -m mmpose_ext.toolbox.zoo.worker FOLDER PARENT``.

``FOLDER/job.json`` says what is trained and tested. MMEngine's runner does both: it goes on from the newest checkpoint
in the folder, and the tests take the one of the last epoch. ``progress.json`` counts epochs and seconds,
``result.json`` appears at the end. The process ends by itself when its parent is gone, also by SIGKILL, and a folder
has one worker at a time.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner, find_latest_checkpoint

from mmpose_ext.atomic import atomic_write
from mmpose_ext.toolbox.json_file import read_json
from mmpose_ext.toolbox.reproduction.runs import as_published, hardware

__all__ = ["ProgressHook", "do_job", "prepare"]


class ProgressHook(Hook):
    """After each epoch: how many are done, and the seconds that they took in all starts of the training.

    Args:
        path: The file.
    """

    priority = "LOWEST"  # after the checkpoint

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before = read_json(path) if path.is_file() else {"seconds": 0.0, "cpu_seconds": 0.0}
        self._begin = (time.monotonic(), time.process_time())

    def after_train_epoch(self, runner: Runner) -> None:
        """Write them."""
        passed = (time.monotonic() - self._begin[0], time.process_time() - self._begin[1])
        write_json(
            self._path,
            {
                "epochs": runner.epoch + 1,
                "seconds": self._before["seconds"] + passed[0],
                "cpu_seconds": self._before["cpu_seconds"] + passed[1],
            },
        )


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file as a whole.

    Args:
        path: The file.
        content: What it holds.
    """
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(content, indent=1) + "\n")


def prepare(job: Mapping[str, Any], folder: Path) -> Config:
    """The config of a training.

    Args:
        job: What ``job.json`` holds.
        folder: Its working directory.
    """
    config = Config.fromfile(job["path"])
    options = {**job["options"], **job["loading"], "default_hooks.checkpoint.max_keep_ckpts": 1}
    config.merge_from_dict({**options, "default_hooks.fast_evaluation.type": "FastEvaluationHook"})
    config.work_dir = str(folder)
    return config


def do_job(folder: Path) -> dict[str, Any]:
    """Train, or go on with it, and test.

    Args:
        folder: With ``job.json``.

    Returns:
        What ``result.json`` holds.
    """
    job = read_json(folder / "job.json")
    last = folder / f"epoch_{job['epochs']}.pth"
    if not last.is_file():
        _train(job, folder)
    scores = {}
    for number, test in enumerate(job["tests"]):
        kept = folder / f"test_{number}.json"
        if not kept.is_file():
            write_json(kept, _test(job, folder, last, test, number))
        scores[test["label"]] = read_json(kept)
    progress = read_json(folder / "progress.json")
    result = {
        "scores": scores,
        "seconds": progress["seconds"],
        "cpu_seconds": progress["cpu_seconds"],
        "hardware": hardware(),
        "gpu": torch.cuda.is_available(),
        "torch": torch.__version__.partition("+")[0],
        "date": date.today().isoformat(),
    }
    write_json(folder / "result.json", result)
    return result


def _train(job: Mapping[str, Any], folder: Path) -> None:
    config = prepare(job, folder)
    config.experiment_name = "train"
    if not job["validate"]:
        config.val_cfg = config.val_dataloader = config.val_evaluator = None
    config.test_cfg = config.test_dataloader = config.test_evaluator = None
    config.resume = find_latest_checkpoint(str(folder)) is not None
    config.load_from = None if config.resume else job["start"]
    runner = Runner.from_cfg(config)
    runner.register_hook(ProgressHook(folder / "progress.json"))
    runner.train()


def _test(
    job: Mapping[str, Any], folder: Path, checkpoint: Path, test: Mapping[str, Any], number: int
) -> dict[str, float]:
    config = prepare(job, folder / f"test_{number}")
    config.merge_from_dict(test["options"])
    config.experiment_name = f"test-{number}"
    if test["split"] == "val":
        config.test_dataloader, config.test_evaluator = config.val_dataloader, config.val_evaluator
    config.train_cfg = config.train_dataloader = config.optim_wrapper = config.param_scheduler = None
    config.val_cfg = config.val_dataloader = config.val_evaluator = None
    config.load_from, config.resume = str(checkpoint), False
    return as_published(Runner.from_cfg(config).test())


def _end_with(parent: int) -> None:
    """Watch the process that has started this one."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def main() -> int:
    """Do the job of a folder."""
    folder, parent = Path(sys.argv[1]), int(sys.argv[2])
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with FileLock(folder / "lock"):  # an older worker may still be on its way out
        do_job(folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
