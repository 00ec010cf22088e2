"""Check a COCO-style key point file, and write metainfo and a ready config for it.

What is wrong is reported by annotation; nothing is written while there are errors, unless
--force leaves out what has them.
Example: mmpose-ext init-dataset my_coco.json --images photos/ --model xhrnet-18 --out data/mine
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmpose_ext.toolbox.own_data.check import Report

_LENGTH = re.compile(r"-\d+[ek]$")
"""Epochs or thousands of iterations at the end of a config's name."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext init-dataset``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument("annotations", type=Path, metavar="COCO.json", help="annotations of all data, or for training")
    parser.add_argument("--val", type=Path, metavar="COCO.json", help="annotations for validation")
    parser.add_argument("--val-share", type=float, default=0.1, help="part of the images for validation without --val")
    parser.add_argument("--images", type=Path, help="folder of the images; beside the annotations without this")
    parser.add_argument("--model", default="xhrnet-18", help="alias or config of the model to train")
    parser.add_argument("--out", type=Path, help="folder to write; data/<name of the file> without this")
    parser.add_argument("--epochs", type=int, help="length of the training, if not that of the model")
    parser.add_argument("--force", action="store_true", help="leave out what has errors, and write the rest")
    parser.add_argument("--overwrite", action="store_true", help="replace the files of an earlier run")
    parser.add_argument("--limit", type=int, default=20, help="lines printed of each file")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext init-dataset``.

    Args:
        args: Parsed arguments.

    Returns:
        0; 1 if the file has errors; 2 for arguments that can't be used.
    """
    from mmpose_ext.toolbox.catalogue.configs import find_config
    from mmpose_ext.toolbox.own_data.check import check, load

    images = args.images or args.annotations.parent
    out = (args.out or Path("data") / args.annotations.stem).resolve()
    try:
        base = find_config(args.model)
        _check_arguments(args, images)
        reports = {path: check(load(path), images=images) for path in filter(None, (args.annotations, args.val))}
        report = reports[args.annotations]
        for path, one in reports.items():
            _print_report(path, one, args.limit)
            if one.keypoints != report.keypoints:
                raise ValueError(f"expected the key points {report.keypoints} in {path}, got {one.keypoints}")
        whole = any(one.whole_errors for one in reports.values())
        if whole or (any(one.errors for one in reports.values()) and not args.force):
            way_out = "" if whole else ", or leave out what has them with --force"
            print(f"nothing written; mend the errors{way_out}", file=sys.stderr)
            return 1
        files, persons = _contents(args, list(reports.values()), base, images.resolve(), out)
        _check_free(out, files, inputs=list(reports), overwrite=args.overwrite)
    except ValueError as error:
        print(f"mmpose-ext init-dataset: {error}", file=sys.stderr)
        return 2
    out.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        (out / file).write_text(content)
    _print_result(report.keypoints, out / next(iter(files)), persons)
    return 0


def _check_arguments(args: argparse.Namespace, images: Path) -> None:
    """Raise a ValueError for what can't be used, before anything is read."""
    if not images.is_dir():
        raise ValueError(f"expected a folder of images, got {images}")
    if args.epochs is not None and args.epochs < 1:
        raise ValueError(f"expected --epochs to be at least 1, got {args.epochs}")
    if args.val and args.val.resolve() == args.annotations.resolve():
        raise ValueError(f"expected another file than {args.annotations} for --val; without --val it is split")


def _contents(
    args: argparse.Namespace, reports: Sequence[Report], base: Path, images: Path, out: Path
) -> tuple[dict[str, str], int]:
    """Name of each file -> what it will hold, the config first; and the number of persons in training."""
    from mmpose_ext.toolbox.own_data.annotations import labelled_persons, mended, metainfo_text, split
    from mmpose_ext.toolbox.own_data.config import config_text

    name = args.annotations.stem
    parts = [mended(report) for report in reports]
    train, val = parts if args.val else split(parts[0], share=args.val_share)
    persons, others = labelled_persons(train), labelled_persons(val)
    if not (persons and others):
        raise ValueError(f"expected labelled persons for training and for validation, got {persons} and {others}")
    where = dict(folder=out, images=images, samples=persons, epochs=args.epochs)
    text = config_text(name, base, keypoints=len(reports[0].keypoints), **where)
    files = {_config_name(base, name, args.epochs): text, "metainfo.py": metainfo_text(name, reports[0])}
    return files | {"train.json": json.dumps(train), "val.json": json.dumps(val)}, persons


def _config_name(base: Path, name: str, epochs: int | None) -> str:
    """That of the base, with this data set and this length of the training."""
    stem = base.stem.rpartition("_")[0] or base.stem
    return f"{stem if epochs is None else _LENGTH.sub(f'-{epochs}e', stem)}_{name}.py"


def _check_free(out: Path, files: Iterable[str], *, inputs: Sequence[Path], overwrite: bool) -> None:
    """Raise a ValueError if a file would be lost, or if the folder is none."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"expected a folder for --out, got the file {out}")
    there = [file for file in files if (out / file).exists()]
    read = [path for path in inputs if path.resolve() in [out / file for file in there]]
    if read:
        raise ValueError(f"expected another --out: {read[0]}, which is read, would be written")
    if there and not overwrite:
        raise ValueError(f"{', '.join(there)} in {out} would be lost; give another --out, or --overwrite")


def _print_report(path: Path, report: Report, limit: int) -> None:
    """What is wrong with a file; equal problems in one line."""
    warnings = len(report.problems) - report.errors
    counts = [_count(report.persons, "labelled person"), _count(len(report.keypoints), "key point")]
    print(f"{path}: {', '.join([*counts, _count(report.errors, 'error'), _count(warnings, 'warning')])}")
    groups: dict[tuple[bool, str, str], list[str]] = {}
    for problem in sorted(report.problems, key=lambda problem: not problem.error):
        groups.setdefault((problem.error, problem.kind, problem.what), []).append(problem.name)
    for (error, kind, what), names in list(groups.items())[:limit]:
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        where = f"{kind}{'s' * (len(names) > 1)} {shown}".strip()
        print(f"  {'ERROR' if error else 'warning'}: {where}: {what}")
    if len(groups) > limit:
        print(f"  and {len(groups) - limit} more lines; --limit {len(groups)} shows them")


def _print_result(keypoints: Sequence[str], path: Path, persons: int) -> None:
    """What was written, and what comes next."""
    from mmengine.config import Config

    from mmpose_ext.toolbox.own_data.keypoint_names import flip_pairs
    from mmpose_ext.toolbox.own_data.schedule import iterations

    pairs = flip_pairs(keypoints)
    alone = [keypoint for keypoint in keypoints if keypoint not in pairs]
    print(f"{_count(len(pairs) // 2, 'flip pair')}; their own mirror: {', '.join(alone) or 'none'}")
    print(f"{path.parent}: metainfo.py (look at flip pairs and sigmas), train.json, val.json, {path.name}")
    config = Config.fromfile(path)
    epoch, total = iterations(config, persons)
    batch = config.train_dataloader.batch_size
    print(f"training: {_count(persons, 'person')}, {_count(epoch, 'iteration')} of {batch} an epoch, {total} in all")
    if "# The model starts from" in path.read_text():
        print("the weights that the model starts from are not there, so it starts at random: see the config")
    print(f"mim train mmpose {path}")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
