"""Check a COCO-style keypoint file, and write metainfo and a ready config for it.

What is wrong is reported by annotation; nothing is written while there are errors, unless
--force leaves out what has them.
Example: mmpose-ext init-dataset my_coco.json --images photos/ --model xhrnet-18 --out data/mine
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmpose_ext.toolbox.own_data.check import Report
    from mmpose_ext.toolbox.own_data.dataset import Training


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext init-dataset``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument("annotations", type=Path, metavar="COCO.json", help="annotations of all data, or for training")
    parser.add_argument("--val", type=Path, metavar="COCO.json", help="annotations for validation")
    parser.add_argument("--val-share", type=float, default=0.1, help="part of the images for validation without --val")
    parser.add_argument("--images", type=Path, help="folder of the images, if not that of the annotations")
    parser.add_argument("--model", default="xhrnet-18", help="alias or config of the model to train")
    parser.add_argument("--out", type=Path, help="folder to write, if not data/<name of the file>")
    parser.add_argument("--epochs", type=int, help="length of the training, if not that of the model")
    parser.add_argument("--gpus", type=int, help="processes of the training, if not one for each GPU of this machine")
    parser.add_argument("--force", action="store_true", help="leave out what has errors, and write the rest")
    parser.add_argument("--overwrite", action="store_true", help="replace the files of an earlier run")
    parser.add_argument("--limit", type=int, default=20, help="lines printed for each file")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext init-dataset``.

    Args:
        args: Parsed arguments.

    Returns:
        0; 1 if the annotations have errors and nothing was written.
    """
    from mmpose_ext.toolbox.own_data.dataset import init_dataset

    options = {key: value for key, value in vars(args).items() if key not in ("command", "run", "limit")}
    found = init_dataset(**options)
    for path, report in found.reports.items():
        _print_report(path, report, args.limit)
    if found.training is None:
        way_out = ", or leave out what has them with --force" if found.can_be_forced else ""
        print(f"nothing written; fix the errors{way_out}", file=sys.stderr)
        return 1
    _print_training(found.training)
    return 0


def _print_report(path: Path, report: Report, limit: int) -> None:
    """What is wrong with a file; equal problems in one line."""
    warnings = len(report.problems) - report.errors
    counts = [_count(report.persons, "labeled person"), _count(len(report.keypoints), "keypoint")]
    print(f"{path}: {', '.join([*counts, _count(report.errors, 'error'), _count(warnings, 'warning')])}")
    groups: dict[tuple[bool, str, str], list[str]] = {}
    for problem in sorted(report.problems, key=lambda problem: not problem.error):
        groups.setdefault((problem.error, problem.kind, problem.what), []).append(problem.name)
    for (error, kind, what), names in list(groups.items())[:limit]:
        listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        where = f"{kind}{'s' * (len(names) > 1)} {listed}".strip()
        print(f"  {'ERROR' if error else 'warning'}: {where}: {what}")
    if len(groups) > limit:
        print(f"  and {len(groups) - limit} more lines; --limit {len(groups)} shows them")


def _print_training(training: Training) -> None:
    """What was written, and what comes next."""
    unpaired = ", ".join(training.unpaired) or "none"
    print(f"{_count(training.flip_pairs, 'flip pair')}; keypoints without a partner: {unpaired}")
    path = training.config
    print(f"{path.parent}: metainfo.py (check flip pairs and sigmas), train.json, val.json, {path.name}")
    batch = f"{training.gpus} x {training.batch}" if training.gpus > 1 else training.batch
    length = f"{_count(training.epoch, 'iteration')} of {batch} per epoch, {training.total} in all"
    rate = "" if training.rate is None else f", learning rate {training.rate:g}"
    print(f"training: {_count(training.persons, 'person')}, {length}{rate}")
    print(_start(training))
    several = f" --launcher pytorch --gpus {training.gpus}" if training.gpus > 1 else ""
    print(f"mim train mmpose {path}{several}")


def _start(training: Training) -> str:
    """From which weights the training starts, and how to get better ones."""
    if training.first_weights:
        return f"it starts from {training.first_weights}"
    reason = f", as {training.missing_weights} does not exist" if training.missing_weights else ""
    better = "those of a checkpoint, e.g. of the same model trained on COCO: --cfg-options load_from=FILE"
    return f"it starts from random weights{reason}; better are {better}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
